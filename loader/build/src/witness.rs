//! Notes what a target folder was built from, by content.
//!
//! cargo takes a file for changed if its time grew. An unpacked archive, `cp -p`, `rsync -t` or a
//! restored backup bring other content with an older time. So beside cargo's own marks each target
//! folder holds the hash of each package that was last built there, and where that differs cargo's
//! marks of the package go: it is then built anew, whatever the times say.
//!
//! The invariant: what cargo takes for fresh was compiled from the content that is noted, or from a
//! later one whose time grew. The marks go before the new hash is noted, the note is written before
//! anything is compiled.

use crate::error::{BuildError, io};
use crate::inputs::{Inputs, PackageInputs};
use crate::place;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The note in a target folder.
const NOTE: &str = ".refit-contents.json";

/// Under which name the files outside of all packages are noted.
const OUTSIDE: &str = "";

/// Digits of a unit's hash in the names of cargo's marks.
const UNIT_DIGITS: usize = 16;

/// Which packages a target folder holds compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All.
    All,
    /// The contract alone.
    Contract,
}

/// Makes sure that cargo takes nothing in `target` for fresh that was compiled from other content.
pub(crate) fn settle(target: &Path, inputs: &Inputs, part: Part) -> Result<(), BuildError> {
    let before = noted(&target.join(NOTE));
    let is_new = |name: &str, hash: &str| before.get(name).is_none_or(|before| before != hash);
    let is_outside_new = part == Part::All && is_new(OUTSIDE, inputs.outside.to_hex().as_str());
    for package in inputs.packages.iter().filter(|package| part.has(package)) {
        let is_new = is_new(
            &package.folder.to_string_lossy(),
            package.hash.to_hex().as_str(),
        );
        // It is not known which package reads a file outside; the contract reads none.
        if is_new || (is_outside_new && !package.is_contract) {
            forget(target, &package.name)?;
        }
    }
    note(target, inputs, part)
}

/// Notes that `target` holds nothing that was compiled from other content.
pub(crate) fn note(target: &Path, inputs: &Inputs, part: Part) -> Result<(), BuildError> {
    let file = target.join(NOTE);
    let before = noted(&file);
    let mut after = before.clone();
    for package in inputs.packages.iter().filter(|package| part.has(package)) {
        let name = package.folder.to_string_lossy().into_owned();
        after.insert(name, package.hash.to_hex().to_string());
    }
    if part == Part::All {
        after.insert(OUTSIDE.to_owned(), inputs.outside.to_hex().to_string());
    }
    match after == before {
        true => Ok(()),
        false => place::write(&file, serde_json::json!(after).to_string().as_bytes()),
    }
}

impl Part {
    fn has(self, package: &PackageInputs) -> bool {
        self == Self::All || package.is_contract
    }
}

fn noted(file: &Path) -> BTreeMap<String, String> {
    let noted = place::read_note(file);
    let noted = noted.and_then(|noted| serde_json::from_str(&noted).ok());
    noted.unwrap_or_default()
}

/// Removes cargo's marks of a package, of all profiles and versions.
fn forget(target: &Path, package: &str) -> Result<(), BuildError> {
    for folder in mark_folders(target) {
        let entries = fs::read_dir(&folder).map_err(io("list", &folder))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let unit = name.to_string_lossy();
            let unit = unit
                .strip_prefix(package)
                .and_then(|rest| rest.strip_prefix('-'));
            if unit.is_some_and(is_unit) {
                let path = entry.path();
                fs::remove_dir_all(&path).map_err(io("remove", &path))?;
            }
        }
    }
    Ok(())
}

fn is_unit(text: &str) -> bool {
    text.len() == UNIT_DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The folders of marks in a target folder: `PROFILE/.fingerprint`, and `TARGET/PROFILE/.fingerprint`
/// if another target is built for.
fn mark_folders(target: &Path) -> Vec<PathBuf> {
    let folders = |of: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(of).into_iter().flatten().flatten();
        let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.filter(is_dir).map(|entry| entry.path()).collect()
    };
    let first = folders(target);
    let second = first.iter().flat_map(|folder| folders(folder));
    let all: Vec<_> = first.iter().cloned().chain(second).collect();
    let marks = all.into_iter().map(|folder| folder.join(".fingerprint"));
    marks.filter(|folder| folder.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locals::Locals;
    use std::collections::BTreeSet;

    #[test]
    fn what_changed_in_content_is_forgotten_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let (source, fees) = (root.join("eng"), root.join("fees"));
        fs::create_dir_all(&source).unwrap();
        fs::create_dir_all(&fees).unwrap();
        fs::write(
            source.join("Cargo.toml"),
            "[package]\nname = \"eng\"\n[dependencies]\nfees = { path = \"../fees\" }\n",
        )
        .unwrap();
        fs::write(fees.join("Cargo.toml"), "[package]\nname = \"fees\"\n").unwrap();
        fs::write(fees.join("x.rs"), "1").unwrap();
        let target = root.join("target");
        let mark = |name: &str| target.join("debug/.fingerprint").join(name);
        let (own, dependency) = (mark("eng-0123456789abcdef"), mark("fees-0123456789abcdef"));
        let others = [
            mark("fees-more-0123456789abcdef"),
            mark("serde-0123456789abcdef"),
        ];
        let settled = || {
            let inputs = Inputs::gather(&Locals::of(&source).unwrap(), &BTreeSet::new()).unwrap();
            settle(&target, &inputs, Part::All).unwrap();
        };
        fs::create_dir_all(&target).unwrap();
        settled();
        for mark in others.iter().chain([&own, &dependency]) {
            fs::create_dir_all(mark).unwrap();
        }
        settled();
        assert!(own.exists() && dependency.exists(), "nothing changed");
        fs::write(fees.join("x.rs"), "2").unwrap();
        settled();
        assert!(own.exists() && !dependency.exists());
        assert!(others.iter().all(|mark| mark.exists()));
    }
}
