//! Which files of a package are its source: those that cargo would package, but for what no build
//! reads.
//!
//! As cargo does, it obeys `.gitignore` and the manifest's `exclude`, and leaves hidden files, the
//! `target` folder and packages inside the package out. Beyond that it leaves out folders of output,
//! what editors and logs leave behind, tests and benches, and texts for people. So it leaves
//! out the files that this process prints into: its progress is written while it builds, and would be a change
//! of the source each time. A file that is left out and read all the same is noticed by what the compiler says
//! that it read.

use crate::error::BuildError;
use crate::output::is_output;
use crate::package::manifest;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most files of one package.
pub(crate) const SOURCE_FILES_MAX: usize = 10_000;

/// Folders beside the manifest that no library is built from.
const ASIDE: [&str; 4] = ["target", "tests", "benches", "examples"];

/// Endings of names of files that editors, version control and programs that log leave behind.
const LEFT_BEHIND: [&str; 12] = [
    "~", "#", ".swp", ".swo", ".tmp", ".orig", ".rej", ".bak", ".partial", ".log", ".out", ".err",
];

/// Which files of a package are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// Not texts for people.
    Out,
    /// Those too: a package whose documentation is its README is built from it.
    In,
}

/// The files of the package in `folder` that count as its source, by their paths from there: those that
/// cargo would package, but for what no build reads.
///
/// # Errors
/// [`BuildError`], if a folder cannot be listed or holds too many files.
pub fn sources(folder: &Path) -> Result<BTreeSet<PathBuf>, BuildError> {
    files(folder, Texts::Out)
}

/// The files of the package in `folder`, by their paths from there.
pub(crate) fn files(folder: &Path, texts: Texts) -> Result<BTreeSet<PathBuf>, BuildError> {
    let listed = walk(folder, texts, true)?;
    // A rule that ignores everything, of a home folder under version control for example, is not about this.
    match listed.contains(Path::new("Cargo.toml")) {
        true => Ok(listed),
        false => walk(folder, texts, false),
    }
}

fn walk(folder: &Path, texts: Texts, obey: bool) -> Result<BTreeSet<PathBuf>, BuildError> {
    let is_versioned = folder.ancestors().any(|above| above.join(".git").exists());
    let mut walker = WalkBuilder::new(folder);
    walker
        .standard_filters(false)
        .hidden(true)
        .git_ignore(obey)
        .require_git(false)
        .parents(obey && is_versioned);
    let excluded = excluded(folder);
    let root = folder.to_owned();
    walker.filter_entry(move |entry| {
        let path = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
        entry.depth() == 0
            || (may_be_source(entry, path, texts)
                && !excluded
                    .matched_path_or_any_parents(path, is_dir)
                    .is_ignore())
    });
    let printed = Printed::of_this_process();
    let mut files = BTreeSet::new();
    for entry in walker.build() {
        let entry = entry.map_err(|error| unlisted(folder, error))?;
        let found = entry.path().metadata();
        if found.is_ok_and(|file| file.is_file() && !printed.holds(&file)) {
            let path = entry.path().strip_prefix(folder);
            files.insert(path.unwrap_or(entry.path()).to_owned());
        }
        if files.len() > SOURCE_FILES_MAX {
            return Err(BuildError::TooLarge {
                path: folder.to_owned(),
                files_max: SOURCE_FILES_MAX,
                bytes_max: crate::inputs::SOURCE_BYTES_MAX,
            });
        }
    }
    Ok(files)
}

fn may_be_source(entry: &DirEntry, path: &Path, texts: Texts) -> bool {
    let name = entry.file_name();
    let is_top = entry.depth() == 1;
    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
        let is_aside = is_top && ASIDE.iter().any(|aside| name == OsStr::new(aside));
        let is_package = entry.path().join("Cargo.toml").is_file();
        return !is_aside && !is_package && !is_output(entry.path());
    }
    let is_lock = is_top && name == "Cargo.lock";
    !is_lock && !is_left_behind(path) && (texts == Texts::In || !is_text(path))
}

/// Whether its name says that an editor, version control or a program that logs has left it behind.
pub(crate) fn is_left_behind(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    LEFT_BEHIND.iter().any(|end| name.ends_with(end.as_bytes()))
}

/// The files that standard output and the error stream lead to: their devices and inodes.
struct Printed([Option<(u64, u64)>; 2]);

impl Printed {
    fn of_this_process() -> Self {
        Self([
            identity(std::io::stdout().as_fd()),
            identity(std::io::stderr().as_fd()),
        ])
    }

    fn holds(&self, file: &Metadata) -> bool {
        self.0.contains(&Some((file.dev(), file.ino())))
    }
}

/// The device and inode of an open file; none if it is closed.
fn identity(open: BorrowedFd<'_>) -> Option<(u64, u64)> {
    let file = File::from(open.try_clone_to_owned().ok()?);
    let found = file.metadata().ok()?;
    Some((found.dev(), found.ino()))
}

/// Whether it is for people.
fn is_text(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.ends_with(b".md") || name.starts_with(b"LICENSE")
}

/// The paths that the manifest keeps out of the package.
fn excluded(folder: &Path) -> Gitignore {
    let manifest = manifest(&folder.join("Cargo.toml")).unwrap_or_default();
    let lines = manifest
        .get("package")
        .and_then(|package| package.get("exclude")?.as_array());
    let mut builder = GitignoreBuilder::new("");
    for line in lines.into_iter().flatten().filter_map(toml::Value::as_str) {
        // cargo tells of one that is no pattern.
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn unlisted(folder: &Path, error: ignore::Error) -> BuildError {
    let reason = error.to_string();
    let source = error.into_io_error();
    BuildError::Io {
        action: "list",
        path: folder.to_owned(),
        source: source.unwrap_or_else(|| std::io::Error::other(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn package() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        write(&folder, &["Cargo.toml", "src/lib.rs"]);
        folder
    }

    fn write(folder: &tempfile::TempDir, files: &[&str]) {
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    fn listed(folder: &tempfile::TempDir) -> Vec<String> {
        let files = files(folder.path(), Texts::Out).unwrap();
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect()
    }

    const SOURCE: [&str; 2] = ["Cargo.toml", "src/lib.rs"];

    #[test]
    fn what_no_build_reads_is_not_source() {
        let folder = package();
        write(
            &folder,
            &[
                "dev.log",
                "node.out",
                "node.err",
                "src/lib.rs~",
                "src/#lib.rs#",
                ".hidden/x",
                "README.md",
                "Cargo.lock",
                "tests/engine.rs",
                "target/debug/x",
                "fuzz/Cargo.toml",
                "fuzz/src/lib.rs",
            ],
        );
        assert_eq!(listed(&folder), SOURCE);
        write(&folder, &["src/target/mod.rs", "data/x.bin"]);
        assert_eq!(
            listed(&folder),
            [
                "Cargo.toml",
                "data/x.bin",
                "src/lib.rs",
                "src/target/mod.rs"
            ]
        );
    }

    /// The folder that a second run of the test lists.
    const FOLDER: &str = "REFIT_TEST_LISTED_FOLDER";

    /// `refit engine build . > report.txt`: the streams of a process are seen only by itself, so the test
    /// runs itself once more, with its streams in the package.
    #[test]
    fn what_this_process_prints_into_is_not_source() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            let files = files(Path::new(&folder), Texts::Out).unwrap();
            let expected: BTreeSet<_> = SOURCE.iter().map(PathBuf::from).collect();
            assert_eq!(files, expected);
            return;
        }
        let folder = package();
        let [out, err] = ["report.txt", "src/errors.txt"].map(|name| folder.path().join(name));
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("listing::tests::what_this_process_prints_into_is_not_source")
            .env(FOLDER, folder.path())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .status()
            .unwrap();
        let said = [out, err].map(|file| fs::read_to_string(file).unwrap());
        assert!(status.success(), "{said:?}");
        assert!(said[0].contains("1 passed"), "{said:?}");
        // To another process they are files as any other.
        let files = ["Cargo.toml", "report.txt", "src/errors.txt", "src/lib.rs"];
        assert_eq!(listed(&folder), files);
    }

    #[test]
    fn what_is_ignored_or_excluded_is_not_source() {
        let folder = package();
        write(&folder, &["notes.txt", "dump/x", "kept.txt"]);
        fs::write(folder.path().join(".gitignore"), "/notes.txt\n").unwrap();
        let manifest = "[package]\nname = \"x\"\nexclude = [\"/dump\"]\n";
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        assert_eq!(listed(&folder), ["Cargo.toml", "kept.txt", "src/lib.rs"]);
    }

    #[test]
    fn a_package_that_is_ignored_as_a_whole_is_listed_all_the_same() {
        let folder = package();
        fs::write(folder.path().join(".gitignore"), "*\n").unwrap();
        assert_eq!(listed(&folder), SOURCE);
    }

    #[test]
    fn what_is_made_inside_the_source_is_not_source() {
        let folder = package();
        crate::place::root(&folder.path().join("refit-data/build")).unwrap();
        write(
            &folder,
            &["refit-data/build/x.so", "refit-data/quarantine.json"],
        );
        assert_eq!(listed(&folder), SOURCE);
        write(&folder, &["data/x"]);
        assert_eq!(listed(&folder), ["Cargo.toml", "data/x", "src/lib.rs"]);
    }
}
