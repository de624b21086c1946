//! Compiled packages as cargo keeps them, copied from one target folder into another.
//!
//! cargo names each by a hash over what it was compiled from and how (package, version, features,
//! profile, flags, compiler, and the same of all that it depends on): `deps/libNAME-HASH.rlib`,
//! `build/NAME-HASH/`, and its marks in `.fingerprint/NAME-HASH/`. A target folder that has the marks
//! has the unit, so the marks are copied last. cargo decides for itself what of it is fresh, by its
//! marks and times: what does not fit costs time and never gives wrong code. Times are kept.
//!
//! Files that compilers replace by renaming are linked instead of copied (`.rlib`, `.rmeta`); what
//! may be written in place is copied.

use crate::error::{BuildError, io};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};

/// Units by the folder of their profile, a path from the target folder.
pub(crate) type Units = BTreeMap<PathBuf, BTreeSet<String>>;

/// The units that `parts` (files and folders that cargo reported) of the folder `target` belong to.
pub(crate) fn of(parts: &BTreeSet<PathBuf>, target: &Path) -> Units {
    let mut units = Units::new();
    for part in parts
        .iter()
        .filter_map(|part| part.strip_prefix(target).ok())
    {
        let names: Vec<_> = part.iter().collect();
        let place = names
            .iter()
            .position(|name| *name == "deps" || *name == "build");
        let Some((place, unit)) = place.and_then(|place| {
            let name = names.get(place + 1)?.to_string_lossy().into_owned();
            Some((place, hash(&name)?.to_owned()))
        }) else {
            continue;
        };
        let profile = names[..place].iter().collect();
        units.entry(profile).or_default().insert(unit);
    }
    units
}

/// The hash in the name of a unit's file or folder.
fn hash(name: &str) -> Option<&str> {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let (_, hash) = stem.rsplit_once('-')?;
    (hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(hash)
}

/// Copies those of the units that `to` does not have.
pub(crate) fn copy(units: &Units, from: &Path, to: &Path) -> Result<(), BuildError> {
    for (profile, hashes) in units {
        let (from, to) = (from.join(profile), to.join(profile));
        let wanted = |name: &str| hash(name).is_some_and(|hash| hashes.contains(hash));
        let there = names(&to.join(".fingerprint"))?;
        let missing: Vec<_> = names(&from.join(".fingerprint"))?
            .into_iter()
            .filter(|name| wanted(name) && !there.contains(name))
            .collect();
        let missing_hashes: BTreeSet<_> = missing.iter().filter_map(|name| hash(name)).collect();
        let is_missing = |name: &str| hash(name).is_some_and(|hash| missing_hashes.contains(hash));
        for part in ["deps", "build"] {
            for name in names(&from.join(part))?
                .iter()
                .filter(|name| is_missing(name))
            {
                replace(&from.join(part).join(name), &to.join(part).join(name))?;
            }
        }
        for name in &missing {
            let marks = to.join(".fingerprint");
            let partial = marks.join(format!("{name}.partial"));
            replace(&from.join(".fingerprint").join(name), &partial)?;
            let whole = marks.join(name);
            fs::rename(&partial, &whole).map_err(io("rename to", &whole))?;
        }
    }
    Ok(())
}

/// The names in a folder; none if it is not there.
fn names(folder: &Path) -> Result<BTreeSet<String>, BuildError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(io("list", folder)(error)),
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.into_string().ok()).collect())
}

/// Copies a file or a tree; what was in its place goes.
fn replace(from: &Path, to: &Path) -> Result<(), BuildError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(io("create", folder))?;
    }
    match to.is_dir() {
        true => fs::remove_dir_all(to).map_err(io("remove", to))?,
        false if to.exists() => fs::remove_file(to).map_err(io("remove", to))?,
        false => {}
    }
    match from.is_dir() {
        true => copy_tree(from, to),
        false => copy_file(from, to),
    }
}

/// Copies a tree with its times.
fn copy_tree(from: &Path, to: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(to).map_err(io("create", to))?;
    for entry in fs::read_dir(from).map_err(io("list", from))? {
        let entry = entry.map_err(io("list", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => copy_tree(&source, &target)?,
            false => copy_file(&source, &target)?,
        }
    }
    date(from, File::open(to), to)
}

fn copy_file(from: &Path, to: &Path) -> Result<(), BuildError> {
    let kind = from.extension().unwrap_or_default();
    if (kind == "rlib" || kind == "rmeta") && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map_err(io("copy", from))?;
    date(from, File::options().append(true).open(to), to)
}

/// Gives `to` the time of `from`.
fn date(from: &Path, file: std::io::Result<File>, to: &Path) -> Result<(), BuildError> {
    let modified = fs::metadata(from).and_then(|from| from.modified());
    let modified = modified.map_err(io("look at", from))?;
    let times = FileTimes::new().set_modified(modified);
    file.and_then(|file| file.set_times(times))
        .map_err(io("date", to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_copied_whole_with_its_times_and_only_if_it_is_missing() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let (mine, other) = ("0123456789abcdef", "fedcba9876543210");
        let write = |root: &Path, file: &str, text: &str| {
            let path = root.join("debug").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for hash in [mine, other] {
            write(&from, &format!("deps/liba_b-{hash}.rlib"), "code");
            write(&from, &format!("deps/a_b-{hash}.d"), "list");
            write(&from, &format!("build/a-b-{hash}/out/x"), "made");
            write(&from, &format!(".fingerprint/a-b-{hash}/lib-a_b"), "mark");
        }
        let parts = BTreeSet::from([from.join(format!("debug/deps/liba_b-{mine}.rlib"))]);
        let units = of(&parts, &from);
        copy(&units, &from, &to).unwrap();
        for file in [
            "deps/liba_b-HASH.rlib",
            "deps/a_b-HASH.d",
            "build/a-b-HASH/out/x",
        ] {
            let copied = |hash| to.join("debug").join(file.replace("HASH", hash));
            assert!(copied(mine).is_file() && !copied(other).exists(), "{file}");
            let time = |root: &Path| {
                let path = root.join("debug").join(file.replace("HASH", mine));
                fs::metadata(path).unwrap().modified().unwrap()
            };
            assert_eq!(time(&from), time(&to), "{file}");
        }
        let mark = to.join(format!("debug/.fingerprint/a-b-{mine}/lib-a_b"));
        fs::write(&mark, "newer").unwrap();
        copy(&units, &from, &to).unwrap();
        assert_eq!(fs::read_to_string(mark).unwrap(), "newer");
    }
}
