//! [`Source`]: the source tree of an engine, taken from the repository and changed as an author
//! would change it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The source tree of one engine package: file names, relative to its folder, with their texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub(crate) files: BTreeMap<String, String>,
}

/// The repository that this package is part of.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

impl Source {
    /// The package in `tests/fixtures/NAME`.
    ///
    /// # Panics
    /// If there is none.
    pub fn fixture(name: &str) -> Self {
        let folder = repository().join("tests/fixtures").join(name);
        let mut source = Self {
            files: BTreeMap::new(),
        }
        .laid_over_by(&folder);
        source.add(&folder, "Cargo.toml");
        let abi = repository().join("abi");
        source.replacing("Cargo.toml", "../../../abi", abi.to_str().unwrap())
    }

    /// `kv` as it was published as version 1.
    pub fn kv_v1() -> Self {
        Self::fixture("kv-v1")
    }

    /// `kv` as it was published as version 2.
    pub fn kv_v2() -> Self {
        Self::kv_v1()
            .laid_over_by(&repository().join("tests/fixtures/kv-v2"))
            .replacing("Cargo.toml", "version = \"1.0.0\"", "version = \"2.0.0\"")
    }

    /// `kv` as it stands in `engines/kv`, version 3: it starts an index over the upgrade bus.
    pub fn kv_v3() -> Self {
        Self::standing_alone("kv-v1", "kv").replacing(
            "Cargo.toml",
            "version = \"1.0.0\"",
            "version = \"3.0.0\"",
        )
    }

    /// A version 3 of `kv` that was never published: its migration refuses values that are no numbers.
    pub fn kv_v3_fails() -> Self {
        Self::kv_v2()
            .laid_over_by(&repository().join("tests/fixtures/kv-v3-fails"))
            .replacing("Cargo.toml", "version = \"2.0.0\"", "version = \"3.0.0\"")
    }

    /// Version 2 of `kv` with one line of code edited and the same state.
    pub fn kv_v4() -> Self {
        Self::kv_v2()
            .replacing("Cargo.toml", "version = \"2.0.0\"", "version = \"4.0.0\"")
            .replacing(
                "src/engine.rs",
                "RANGE_ENTRIES_MAX: usize = 1_000;",
                "RANGE_ENTRIES_MAX: usize = 10_000;",
            )
    }

    /// `accounts` as it was published as version 1.
    pub fn accounts_v1() -> Self {
        Self::fixture("accounts-v1")
    }

    /// `accounts` as it stands in `engines/accounts`, version 2: its holds are an engine of their own.
    pub fn accounts_v2() -> Self {
        Self::standing_alone("accounts-v1", "accounts").replacing(
            "Cargo.toml",
            "version = \"1.0.0\"",
            "version = \"2.0.0\"",
        )
    }

    /// A version 3 of `accounts` that was never published: its migration asks the store's new state,
    /// and does not say in `AFTER` that it will.
    pub fn accounts_v3_fails() -> Self {
        Self::accounts_v2()
            .laid_over_by(&repository().join("tests/fixtures/accounts-v3-fails"))
            .replacing("Cargo.toml", "version = \"2.0.0\"", "version = \"3.0.0\"")
    }

    /// The package in `engines/NAME` with the manifest of a fixture, so that it stands alone.
    fn standing_alone(fixture: &str, name: &str) -> Self {
        let manifest = Self::fixture(fixture).files["Cargo.toml"].clone();
        Self {
            files: BTreeMap::from([("Cargo.toml".to_owned(), manifest)]),
        }
        .laid_over_by(&repository().join("engines").join(name))
    }

    /// With `old` replaced by `new` in `file`.
    ///
    /// # Panics
    /// If `old` is not there exactly once: the edit would not be the one that is meant.
    #[must_use]
    pub fn replacing(mut self, file: &str, old: &str, new: &str) -> Self {
        let text = self.files.get_mut(file).unwrap();
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {file}");
        *text = text.replace(old, new);
        self
    }

    /// Built against a copy of the contract in which states are said to lie in memory otherwise: what
    /// another compiler would make of this source. The copy is put into `folder`.
    ///
    /// # Panics
    /// If the copy cannot be made.
    #[must_use]
    pub fn of_another_layout(self, folder: &Path) -> Self {
        let abi = foreign_abi(folder);
        let (ours, theirs) = (repository().join("abi"), abi.to_str().unwrap());
        self.replacing("Cargo.toml", ours.to_str().unwrap(), theirs)
    }

    /// With `text` at the end of `file`.
    ///
    /// # Panics
    /// If there is no such file.
    #[must_use]
    pub fn appending(mut self, file: &str, text: &str) -> Self {
        self.files.get_mut(file).unwrap().push_str(text);
        self
    }

    /// With `file` as given, whether it was there or not.
    #[must_use]
    pub fn with_file(mut self, file: &str, text: &str) -> Self {
        self.files.insert(file.to_owned(), text.to_owned());
        self
    }

    /// The text of `file`.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn text(&self, file: &str) -> &str {
        &self.files[file]
    }

    /// With code that runs when the module is mapped.
    #[must_use]
    pub fn with_constructor(self, body: &str) -> Self {
        self.appending(
            "src/lib.rs",
            &format!(
                "extern \"C\" fn at_load() {{ {body} }}\n\
                 #[used]\n#[unsafe(link_section = \".init_array\")]\n\
                 static AT_LOAD: extern \"C\" fn() = at_load;\n"
            ),
        )
    }

    fn laid_over_by(mut self, folder: &Path) -> Self {
        for entry in fs::read_dir(folder.join("src")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            self.add(folder, &format!("src/{name}"));
        }
        self
    }

    fn add(&mut self, folder: &Path, file: &str) {
        self.files.insert(
            file.to_owned(),
            fs::read_to_string(folder.join(file)).unwrap(),
        );
    }
}

/// A workspace in `folder` that holds the contract alone, with another layout epoch.
fn foreign_abi(folder: &Path) -> PathBuf {
    let workspace = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let (before, rest) = workspace.split_once("members = [").unwrap();
    let (_, after) = rest.split_once(']').unwrap();
    let manifest = format!("{before}members = [\"abi\", \"abi/macros\"]{after}");
    write(&folder.join("Cargo.toml"), &manifest);
    copy(&repository().join("abi"), &folder.join("abi"));
    folder.join("abi")
}

/// Copies the files that a build needs; one that is the same already keeps its time.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        match path.is_dir() {
            // Another package of the real workspace, and what only tests read.
            true if name == "testkit" || name == "ui" => {}
            true => copy(&path, &to.join(name)),
            false if to.join(name).ends_with("abi/src/build.rs") => {
                let text = fs::read_to_string(&path).unwrap();
                let theirs = text.replacen("        \"1\"\n", "        \"another\"\n", 1);
                assert_ne!(text, theirs, "the layout epoch is where it was");
                write(&to.join(name), &theirs);
            }
            false => write(&to.join(name), &fs::read_to_string(&path).unwrap()),
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).unwrap();
    }
}
