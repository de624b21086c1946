//! [`EngineSource`]: the source tree of one engine as text, put together of others as an author would change it, and
//! written where it is built.
//!
//! An engine's versions are kept as their difference: files laid over an older version, one text in the place of
//! another, a manifest that makes the tree stand alone. An edit whose place is not there exactly once is an error and
//! no guess: the source has moved on, and the edit would be another one.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The manifest, from the package's folder.
const MANIFEST: &str = "Cargo.toml";

/// The folder of the code.
const CODE: &str = "src";

/// The start of the manifest's line with the package's version.
const VERSION: &str = "version = \"";

/// The line that makes a package a workspace of its own.
const WORKSPACE: &str = "[workspace]";

/// The start of the dependency on the contract.
const CONTRACT: &str = "refit-abi = { path = \"";

/// Why a source could not be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// A file or folder cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action that failed, such as `read`.
        action: &'static str,
        /// The file or folder of the action.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// An edit has not one place.
    #[error("`{text}` is {times} times in {file}; make the edit fit the source as it is now")]
    NotOnce {
        /// The file, from the package's folder.
        file: String,
        /// The text that the edit replaces.
        text: String,
        /// The number of times that it was found; an edit needs exactly one.
        times: usize,
    },
    /// There is no such file.
    #[error("the source has no {file}; take one of its files, or add it")]
    NoFile {
        /// The file, from the package's folder.
        file: String,
    },
}

/// The source tree of one engine package: file names, relative to its folder, with their texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineSource {
    files: BTreeMap<String, String>,
}

impl EngineSource {
    /// The manifest, if there is one, and the code of the package in `folder`. A folder without a manifest is what
    /// some version changes over another.
    ///
    /// # Errors
    /// [`ComposeError::Io`], if a file cannot be read or is no text.
    pub fn read(folder: &Path) -> Result<Self, ComposeError> {
        let mut source = Self::default();
        if folder.join(MANIFEST).is_file() {
            source.add(folder, MANIFEST)?;
        }
        let code = folder.join(CODE);
        for entry in fs::read_dir(&code).map_err(io("list", &code))? {
            let entry = entry.map_err(io("list", &code))?;
            if entry.path().is_file() {
                let name = entry.file_name();
                source.add(folder, &format!("{CODE}/{}", name.to_string_lossy()))?;
            }
        }
        Ok(source)
    }

    fn add(&mut self, folder: &Path, file: &str) -> Result<(), ComposeError> {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).map_err(io("read", &path))?;
        self.files.insert(file.to_owned(), text);
        Ok(())
    }

    /// With the files of `over` in the place of its own, and beside them.
    #[must_use]
    pub fn laid_over_by(mut self, over: Self) -> Self {
        self.files.extend(over.files);
        self
    }

    /// With `old` replaced by `new` in `file`.
    ///
    /// # Errors
    /// [`ComposeError::NoFile`]; [`ComposeError::NotOnce`], if `old` is not there exactly once.
    pub fn replacing(mut self, file: &str, old: &str, new: &str) -> Result<Self, ComposeError> {
        let text = self.text(file)?;
        let times = text.matches(old).count();
        if times != 1 {
            return Err(ComposeError::NotOnce {
                file: file.to_owned(),
                text: old.to_owned(),
                times,
            });
        }
        let text = text.replacen(old, new, 1);
        self.files.insert(file.to_owned(), text);
        Ok(self)
    }

    /// With `file` as given, whether it was there or not.
    #[must_use]
    pub fn with_file(mut self, file: &str, text: &str) -> Self {
        self.files.insert(file.to_owned(), text.to_owned());
        self
    }

    /// With the manifest of another source: that of an old version, which stands alone.
    ///
    /// # Errors
    /// [`ComposeError::NoFile`], if that has none.
    pub fn with_manifest_of(self, other: &Self) -> Result<Self, ComposeError> {
        let manifest = other.text(MANIFEST)?;
        Ok(self.with_file(MANIFEST, manifest))
    }

    /// With a manifest that makes it a workspace of its own, wherever it is written.
    ///
    /// # Errors
    /// [`ComposeError::NoFile`], if it has no manifest.
    pub fn standing_alone(self) -> Result<Self, ComposeError> {
        let manifest = self.text(MANIFEST)?;
        let is_alone = manifest.lines().any(|line| line.trim() == WORKSPACE);
        let more = match is_alone {
            true => String::new(),
            false => format!("\n{WORKSPACE}\n"),
        };
        let manifest = format!("{manifest}{more}");
        Ok(self.with_file(MANIFEST, &manifest))
    }

    /// As this version of the package.
    ///
    /// # Errors
    /// As [`EngineSource::replacing`].
    pub fn with_version(self, version: &str) -> Result<Self, ComposeError> {
        self.quoted(&format!("\n{VERSION}"), version)
    }

    /// Built against the contract in the folder `abi`, an absolute path.
    ///
    /// # Errors
    /// As [`EngineSource::replacing`].
    pub fn with_contract(self, abi: &Path) -> Result<Self, ComposeError> {
        self.quoted(CONTRACT, &abi.to_string_lossy())
    }

    /// With `text` between the quotes that `before` opens in the manifest.
    fn quoted(self, before: &str, text: &str) -> Result<Self, ComposeError> {
        let manifest = self.text(MANIFEST)?;
        let rest = manifest.split_once(before).map_or("", |(_, rest)| rest);
        let old = rest.split('"').next().unwrap_or_default();
        let (old, new) = (format!("{before}{old}\""), format!("{before}{text}\""));
        self.replacing(MANIFEST, &old, &new)
    }

    /// The text of `file`.
    ///
    /// # Errors
    /// [`ComposeError::NoFile`].
    pub fn text(&self, file: &str) -> Result<&str, ComposeError> {
        let text = self.files.get(file).map(String::as_str);
        text.ok_or_else(|| ComposeError::NoFile {
            file: file.to_owned(),
        })
    }

    /// Makes the package in `folder` this one: other code goes. A file that is right already is left as it is, so that
    /// cargo has nothing to do; what lies beside the code stays.
    ///
    /// # Errors
    /// [`ComposeError::Io`].
    pub fn write(&self, folder: &Path) -> Result<(), ComposeError> {
        let code = folder.join(CODE);
        fs::create_dir_all(&code).map_err(io("create", &code))?;
        for entry in fs::read_dir(&code).map_err(io("list", &code))? {
            let entry = entry.map_err(io("list", &code))?;
            let name = format!("{CODE}/{}", entry.file_name().to_string_lossy());
            let path = entry.path();
            if path.is_file() && !self.files.contains_key(&name) {
                fs::remove_file(&path).map_err(io("remove", &path))?;
            }
        }
        for (name, text) in &self.files {
            let path = folder.join(name);
            if fs::read_to_string(&path).ok().as_ref() != Some(text) {
                fs::write(&path, text).map_err(io("write", &path))?;
            }
        }
        Ok(())
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ComposeError {
    let path = path.to_owned();
    move |source| ComposeError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[package]\nname = \"e\"\nversion = \"1.0.0\"\n\n[dependencies]\n\
                        refit-abi = { path = \"../abi\" }\nserde = { version = \"1\" }\n";

    fn source() -> EngineSource {
        let source = EngineSource::default().with_file(MANIFEST, TEXT);
        source.with_file("src/lib.rs", "const A: u8 = 1;\n")
    }

    #[test]
    fn a_version_is_another_ones_files_with_what_was_changed() {
        let over = EngineSource::default().with_file("src/state.rs", "struct S;\n");
        let next = source().laid_over_by(over).with_version("2.1.0").unwrap();
        let next = next.with_contract(Path::new("/a/abi")).unwrap();
        let next = next.replacing("src/lib.rs", "= 1;", "= 2;").unwrap();
        assert_eq!(next.text("src/lib.rs").unwrap(), "const A: u8 = 2;\n");
        assert_eq!(next.text("src/state.rs").unwrap(), "struct S;\n");
        let manifest = next.text(MANIFEST).unwrap();
        assert!(manifest.contains("\nversion = \"2.1.0\"\n"), "{manifest}");
        assert!(manifest.contains("path = \"/a/abi\" }"), "{manifest}");
        assert!(manifest.contains("serde = { version = \"1\" }"));
        assert!(!manifest.contains("[workspace]"), "{manifest}");
        let alone = next.clone().standing_alone().unwrap();
        let text = alone.text(MANIFEST).unwrap();
        assert_eq!(text, format!("{manifest}\n[workspace]\n"));
        assert_eq!(alone.clone().standing_alone().unwrap(), alone);
    }

    #[test]
    fn an_edit_that_has_not_one_place_is_refused() {
        let twice = source().with_file("src/lib.rs", "a a");
        for (text, expected) in [("a", 2), ("b", 0)] {
            match twice.clone().replacing("src/lib.rs", text, "c") {
                Err(ComposeError::NotOnce { times, .. }) => assert_eq!(times, expected),
                other => panic!("{other:?}"),
            }
        }
        let none = source().replacing("src/other.rs", "a", "b");
        assert!(matches!(none, Err(ComposeError::NoFile { .. })), "{none:?}");
    }

    #[test]
    fn what_is_written_is_the_source_and_what_was_right_keeps_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("src")).unwrap();
        fs::write(path("src/old.rs"), "").unwrap();
        fs::write(path("Cargo.lock"), "").unwrap();
        source().write(folder.path()).unwrap();
        assert!(!path("src/old.rs").exists() && path("Cargo.lock").exists());
        assert_eq!(EngineSource::read(folder.path()).unwrap(), source());
        let before = fs::metadata(path("src/lib.rs")).unwrap().modified();
        let next = source().with_file("src/more.rs", "");
        next.write(folder.path()).unwrap();
        let after = fs::metadata(path("src/lib.rs")).unwrap().modified();
        assert_eq!(before.unwrap(), after.unwrap());
        assert!(path("src/more.rs").exists());
    }
}
