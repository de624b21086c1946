//! Reads a package's folder: its lock, and the types that its source declares.

use crate::files::FileError;
use refit_author::attributes::Declarations;
use refit_author::lock::{LOCK_BYTES_MAX, LOCK_FILE, LockError, SchemaLock};
use refit_build::BuildError;
use std::error::Error;
use std::path::{Path, PathBuf};

/// The file that says whose the folder is.
const MANIFEST: &str = "Cargo.toml";

/// Most source files that are read.
const FILES_MAX: usize = 10_000;

/// Longest source file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The lock of the package in `folder`; `None` if it has none.
pub(crate) fn lock(folder: &Path) -> Result<Option<SchemaLock>, LockError> {
    let path = folder.join(LOCK_FILE);
    match crate::files::read_text(&path, LOCK_BYTES_MAX) {
        Ok(text) => SchemaLock::parse(&path, &text).map(Some),
        Err(_) if !path.exists() => Ok(None),
        Err(error) => Err(LockError::Unreadable {
            path,
            reason: error.to_string(),
        }),
    }
}

/// The name of the package in `folder`, as its manifest says it. A folder of which it is not known whose it is must
/// not pass for the right one.
pub(crate) fn name(folder: &Path) -> Result<String, BuildError> {
    let path = folder.join(MANIFEST);
    let unreadable = |reason: String| BuildError::Manifest {
        path: path.clone(),
        reason,
    };
    let no_package = || BuildError::NotAPackage {
        path: folder.to_owned(),
    };
    let text = match crate::files::read_text(&path, FILE_BYTES_MAX) {
        Ok(text) => text,
        Err(_) if !path.exists() => return Err(no_package()),
        Err(error @ FileError::Unreadable { .. }) => {
            let cause = error.source().map(ToString::to_string);
            return Err(unreadable(cause.unwrap_or_default()));
        }
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let manifest: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| unreadable(error.message().to_owned()))?;
    let package = manifest.get("package");
    let name = package.and_then(|package| package.get("name")?.as_str());
    name.map(str::to_owned).ok_or_else(no_package)
}

/// The types that the source in `folder`/src declares, without those in the `frozen` modules.
pub(crate) fn declarations(folder: &Path, frozen: &[&str]) -> Declarations {
    let source = folder.join("src");
    let is_frozen = |path: &Path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        path.parent() == Some(&source) && stem.is_some_and(|stem| frozen.contains(&stem))
    };
    let paths = files(&source);
    let paths = paths.iter().filter(|path| !is_frozen(path));
    let texts: Vec<_> = paths
        .filter_map(|path| crate::files::read_text(path, FILE_BYTES_MAX).ok())
        .collect();
    Declarations::of_sources(texts.iter().map(String::as_str))
}

/// The `.rs` files below `root`, in the order of their paths.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
        if files.len() >= FILES_MAX {
            break;
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::schema::{Describer, Type};
    use refit_abi::{Deserialize, Serialize, State};

    #[derive(State, Serialize, Deserialize)]
    enum Message {
        Put(u8),
        Get(u8),
    }

    fn message() -> Type {
        Message::describe(&mut Describer::default())
    }

    #[test]
    fn every_source_file_is_read_but_those_that_were_frozen() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("src");
        std::fs::create_dir_all(source.join("inner")).unwrap();
        let text = r#"#[serde(rename_all = "snake_case")] enum Message { Put(u8), Get(u8) }"#;
        std::fs::write(source.join("inner/message.rs"), text).unwrap();
        let frozen = "#[serde(transparent)] enum Message { Put(u8), Get(u8) }";
        std::fs::write(source.join("a.rs"), frozen).unwrap();
        std::fs::write(source.join("broken.rs"), "struct {").unwrap();
        let attributes = |frozen: &[&str]| {
            let found = declarations(folder.path(), frozen).attributes(&message());
            found.values().cloned().collect::<Vec<_>>()
        };
        assert_eq!(attributes(&["a"]), [r#"rename_all = "snake_case""#]);
        assert_eq!(attributes(&[]), ["transparent"]);
    }

    #[test]
    fn a_package_has_the_name_of_its_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = \"hello\"\nversion.workspace = true\n";
        std::fs::write(folder.path().join(MANIFEST), manifest).unwrap();
        assert_eq!(name(folder.path()).unwrap(), "hello");
    }

    #[test]
    fn a_folder_whose_manifest_is_missing_or_cannot_be_read_is_no_package_of_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let is_none = |path: &Path| matches!(name(path), Err(BuildError::NotAPackage { .. }));
        assert!(is_none(path) && is_none(&path.join("not-there")));
        let manifest = path.join(MANIFEST);
        std::fs::write(&manifest, "[workspace]\n").unwrap();
        assert!(is_none(path));
        let unreadable = |path: &Path| matches!(name(path), Err(BuildError::Manifest { .. }));
        let merged = "[package]\n<<<<<<< HEAD\nname = \"a\"\n=======\nname = \"b\"\n>>>>>>> b\n";
        std::fs::write(&manifest, merged).unwrap();
        assert!(unreadable(path));
        std::fs::write(&manifest, b"[package]\nname = \"\xff\"\n").unwrap();
        assert!(unreadable(path));
        std::fs::remove_file(&manifest).unwrap();
        std::fs::create_dir(&manifest).unwrap();
        assert!(unreadable(path));
    }

    #[test]
    fn a_lock_that_cannot_be_read_is_not_one_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lock(folder.path()).unwrap().is_none());
        std::fs::create_dir(folder.path().join(LOCK_FILE)).unwrap();
        let error = lock(folder.path()).unwrap_err();
        assert!(matches!(error, LockError::Unreadable { .. }), "{error}");
    }
}
