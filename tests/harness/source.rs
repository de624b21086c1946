//! [`Source`]: the source tree of an engine, taken from the repository and changed as an author
//! would change it.

use refit_build::EngineSource;
use std::fs;
use std::path::{Path, PathBuf};

/// The source tree of one engine package; what cannot be put together fails the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(EngineSource);

/// The repository that this package is part of.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Reads a folder of the repository.
fn read(folder: &str) -> EngineSource {
    EngineSource::read(&repository().join(folder)).unwrap()
}

impl Source {
    /// The package in `tests/fixtures/NAME`.
    ///
    /// # Panics
    /// If there is none.
    pub fn fixture(name: &str) -> Self {
        Self::package(&format!("tests/fixtures/{name}"))
    }

    /// A package that stands alone, built against the contract of this repository wherever it is written to.
    fn package(folder: &str) -> Self {
        Self(
            read(folder)
                .with_contract(&repository().join("abi"))
                .unwrap(),
        )
    }

    /// `kv` as it was published as version 1.
    pub fn kv_v1() -> Self {
        Self::package("engines/kv/history/v1")
    }

    /// `kv` as it was published as version 2.
    pub fn kv_v2() -> Self {
        Self::kv_v1().changed("engines/kv/history/v2", "2.0.0")
    }

    /// `kv` as it stands in `engines/kv`, version 3: it starts an index over the upgrade bus.
    pub fn kv_v3() -> Self {
        Self::kv_v1().replaced_by("engines/kv", "3.0.0")
    }

    /// A version 3 of `kv` that was never published: its migration refuses values that are no numbers.
    pub fn kv_v3_fails() -> Self {
        Self::kv_v2().changed("tests/fixtures/kv-v3-fails", "3.0.0")
    }

    /// Version 2 of `kv` with one line of code edited and the same state.
    pub fn kv_v4() -> Self {
        Self::kv_v2().version("4.0.0").replacing(
            "src/engine.rs",
            "RANGE_ENTRIES_MAX: usize = 1_000;",
            "RANGE_ENTRIES_MAX: usize = 10_000;",
        )
    }

    /// `accounts` as it was published as version 1.
    pub fn accounts_v1() -> Self {
        Self::package("engines/accounts/history/v1")
    }

    /// `accounts` as it stands in `engines/accounts`, version 2: its holds are an engine of their own.
    pub fn accounts_v2() -> Self {
        Self::accounts_v1().replaced_by("engines/accounts", "2.0.0")
    }

    /// A version 3 of `accounts` that was never published: its migration asks the store's new state,
    /// and does not say in `AFTER` that it will.
    pub fn accounts_v3_fails() -> Self {
        Self::accounts_v2().changed("tests/fixtures/accounts-v3-fails", "3.0.0")
    }

    /// The next version, of which only what it changes is in `folder`.
    fn changed(self, folder: &str, version: &str) -> Self {
        Self(self.0.laid_over_by(read(folder))).version(version)
    }

    /// The code in `folder`, with the manifest of this one, so that it stands alone.
    fn replaced_by(self, folder: &str, version: &str) -> Self {
        Self(read(folder).with_manifest_of(&self.0).unwrap()).version(version)
    }

    fn version(self, version: &str) -> Self {
        Self(self.0.with_version(version).unwrap())
    }

    /// With `old` replaced by `new` in `file`.
    ///
    /// # Panics
    /// If `old` is not there exactly once: the edit would not be the one that is meant.
    #[must_use]
    pub fn replacing(self, file: &str, old: &str, new: &str) -> Self {
        Self(self.0.replacing(file, old, new).unwrap())
    }

    /// Built against a copy of the contract in which states are said to have another memory layout: what
    /// another compiler would make of this source. The copy is put into `folder`.
    ///
    /// # Panics
    /// If the copy cannot be made.
    #[must_use]
    pub fn of_another_layout(self, folder: &Path) -> Self {
        Self(self.0.with_contract(&foreign_abi(folder)).unwrap())
    }

    /// With `text` at the end of `file`.
    ///
    /// # Panics
    /// If there is no such file.
    #[must_use]
    pub fn appending(self, file: &str, text: &str) -> Self {
        let whole = format!("{}{text}", self.text(file));
        self.with_file(file, &whole)
    }

    /// With `file` as given, whether it was there or not.
    #[must_use]
    pub fn with_file(self, file: &str, text: &str) -> Self {
        Self(self.0.with_file(file, text))
    }

    /// The text of `file`.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn text(&self, file: &str) -> &str {
        self.0.text(file).unwrap()
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

    /// Makes the package in `folder` this one.
    pub(crate) fn write(&self, folder: &Path) {
        self.0.write(folder).unwrap();
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
