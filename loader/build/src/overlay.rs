//! A place to build a source that has no lock of its own, without writing one into it.
//!
//! cargo writes `Cargo.lock` beside the manifest. So the manifest moves: the overlay holds a copy of
//! it in which relative paths are absolute, the lock that the builder was given, and links to
//! everything else of the source. Nothing is copied, so times stay, and the compiler names files as
//! the author does: `src/lib.rs`.

use crate::error::{BuildError, io};
use crate::output::is_output;
use crate::package::{Package, manifest};
use crate::place;
use std::fs;
use std::path::{Path, PathBuf};

/// The names that the overlay has files of its own for, or does not show.
const OWN: [&str; 4] = ["Cargo.toml", "Cargo.lock", "target", ".git"];

/// Makes or refreshes the overlay at `folder`.
pub(crate) fn lay(
    package: &Package,
    lock: Option<&Path>,
    folder: PathBuf,
) -> Result<PathBuf, BuildError> {
    let folder = place::folder(folder)?;
    unlink_all(&folder)?;
    for entry in fs::read_dir(&package.folder).map_err(io("list", &package.folder))? {
        let entry = entry.map_err(io("list", &package.folder))?;
        if OWN.iter().all(|own| entry.file_name() != *own) && !is_output(&entry.path()) {
            let link = folder.join(entry.file_name());
            std::os::unix::fs::symlink(entry.path(), &link).map_err(io("link", &link))?;
        }
    }
    let manifest = moved_manifest(&package.folder)?;
    place::write_if_changed(&folder.join("Cargo.toml"), manifest.as_bytes())?;
    lay_lock(lock, &folder)?;
    Ok(folder)
}

/// Takes away the links of an earlier state of the source.
fn unlink_all(folder: &Path) -> Result<(), BuildError> {
    for entry in fs::read_dir(folder).map_err(io("list", folder))? {
        let path = entry.map_err(io("list", folder))?.path();
        if path.is_symlink() {
            fs::remove_file(&path).map_err(io("remove", &path))?;
        }
    }
    Ok(())
}

/// Puts the given lock in place. cargo then adds the package itself to its copy; that one stays as
/// long as the given lock does.
pub(crate) fn lay_lock(lock: Option<&Path>, folder: &Path) -> Result<(), BuildError> {
    let Some(lock) = lock else { return Ok(()) };
    let given = fs::read(lock).map_err(io("read", lock))?;
    let (copy, origin) = (folder.join("Cargo.lock"), folder.join(".refit-lock-origin"));
    let hash = blake3::hash(&given).to_hex();
    let known = place::read_note(&origin).is_some_and(|origin| origin == hash.as_str());
    if known && copy.is_file() {
        return Ok(());
    }
    place::write(&copy, &given)?;
    place::write(&origin, hash.as_bytes())
}

/// The manifest with absolute paths, as a workspace of its own.
fn moved_manifest(source: &Path) -> Result<String, BuildError> {
    let path = source.join("Cargo.toml");
    let mut table = manifest(&path)?;
    make_paths_absolute(&mut table, source);
    table
        .entry("workspace")
        .or_insert_with(|| toml::Table::new().into());
    toml::to_string(&table).map_err(|error| BuildError::Manifest {
        path,
        reason: error.to_string(),
    })
}

/// Sections that hold dependencies, at any depth: `target.'cfg(…)'.dependencies`, `patch.registry`.
const DEPENDENCY_SECTIONS: [&str; 4] = [
    "dependencies",
    "dev-dependencies",
    "build-dependencies",
    "replace",
];

/// Makes the `path` of each dependency absolute.
fn make_paths_absolute(table: &mut toml::Table, source: &Path) {
    for (name, value) in table.iter_mut() {
        let toml::Value::Table(inner) = value else {
            continue;
        };
        if DEPENDENCY_SECTIONS.contains(&name.as_str()) {
            dependencies_absolute(inner, source);
        } else if name == "patch" {
            let registries = inner
                .iter_mut()
                .filter_map(|(_, registry)| registry.as_table_mut());
            registries.for_each(|registry| dependencies_absolute(registry, source));
        } else {
            make_paths_absolute(inner, source);
        }
    }
}

fn dependencies_absolute(dependencies: &mut toml::Table, source: &Path) {
    let tables = dependencies
        .iter_mut()
        .filter_map(|(_, dependency)| dependency.as_table_mut());
    for path in tables.filter_map(|dependency| dependency.get_mut("path")) {
        if let toml::Value::String(path) = path {
            *path = source.join(&*path).to_string_lossy().into_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dependency_path_becomes_absolute_and_nothing_else_changes() {
        let mut table: toml::Table = r#"
            [lib]
            path = "src/lib.rs"
            [dependencies]
            a = { path = "../a" }
            b = "1"
            [target.'cfg(unix)'.dependencies]
            c = { path = "/c" }
            [patch.crates-io]
            d = { path = "d" }
        "#
        .parse()
        .unwrap();
        make_paths_absolute(&mut table, Path::new("/s"));
        assert_eq!(table["lib"]["path"].as_str(), Some("src/lib.rs"));
        assert_eq!(table["dependencies"]["a"]["path"].as_str(), Some("/s/../a"));
        assert_eq!(
            table["target"]["cfg(unix)"]["dependencies"]["c"]["path"].as_str(),
            Some("/c")
        );
        assert_eq!(
            table["patch"]["crates-io"]["d"]["path"].as_str(),
            Some("/s/d")
        );
    }
}
