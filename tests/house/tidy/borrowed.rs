//! Code is shared by a crate that both depend on. A file of another package that is compiled a second time, by its
//! path, has two owners, and each finds the other's mistakes.

use super::{assert_none, read, root, sources};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The files of other packages that are compiled by their paths all the same: by whom, which, and why.
const BORROWED: &[(&str, &str, &str)] = &[
    ("tests/engines/main.rs", "engines/accounts/src/v1.rs", OLD),
    ("tests/engines/main.rs", "engines/kv/src/v1.rs", OLD),
];

const OLD: &str = "`stand_in!` implements `Engine` for the state of an old version, which no crate but the type's own may";

/// The file that each `#[path]` of this one names, from the top level.
fn named(path: &str, text: &str) -> Vec<String> {
    let folder = Path::new(path).parent().unwrap();
    let names = text.lines().filter_map(|line| {
        let named = line.trim_start().strip_prefix("#[path = \"")?;
        named.split('"').next()
    });
    names
        .map(|name| normal(&folder.join(name)).display().to_string())
        .collect()
}

/// Without its `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

/// The folder of the package that a file belongs to.
fn package(path: &str) -> Option<&Path> {
    let mut folders = Path::new(path).ancestors().skip(1);
    folders.find(|folder| root().join(folder).join("Cargo.toml").is_file())
}

#[test]
fn no_file_is_compiled_by_its_path_outside_of_its_package_but_old_versions() {
    let (mut faults, mut used) = (Vec::new(), BTreeSet::new());
    for (path, text) in sources() {
        let foreign = named(&path, &text).into_iter();
        for named in foreign.filter(|named| package(named) != package(&path)) {
            let row = BORROWED.iter().find(|row| row.0 == path && row.1 == named);
            match row {
                Some(row) => drop(used.insert(row)),
                None => faults.push(format!("{path}: {named}")),
            }
        }
    }
    assert_none("put it into a crate that both depend on:", faults);
    let stale: Vec<_> = BORROWED.iter().filter(|row| !used.contains(row)).collect();
    assert!(stale.is_empty(), "remove from BORROWED: {stale:?}");
}

#[test]
fn a_path_is_read_from_the_folder_of_its_file() {
    let path = "tests/engines/main.rs";
    assert_eq!(named(path, &read(path)).len(), BORROWED.len());
    assert_ne!(package(path), package(BORROWED[0].1));
}
