//! Finds which files the compiler read, from the file that cargo writes beside a library, and keeps a
//! list of them for the next build.
//!
//! It names the sources of all packages on this machine, files that they include from anywhere, and
//! what build scripts say that they depend on.

use crate::error::BuildError;
use crate::inputs::Inputs;
use crate::place;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Most files that are kept of one build.
const FILES_MAX: usize = 10_000;

/// Most bytes of cargo's file that are looked at.
const BYTES_MAX: u64 = 16 << 20;

/// The place of a build; its files are reported under the source's paths.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) source: &'a Path,
    /// The folder of the manifest that was built.
    pub(crate) folder: &'a Path,
    /// The folder of output: the build made what is in it.
    pub(crate) target: &'a Path,
}

/// The files that the build of `library` read and that no package lists.
pub(crate) fn unlisted(library: &Path, place: &Place<'_>, inputs: &Inputs) -> BTreeSet<PathBuf> {
    let told = library.with_extension("d");
    let is_small = fs::metadata(&told).is_ok_and(|told| told.len() <= BYTES_MAX);
    let text = if is_small {
        place::read(&told, BYTES_MAX)
    } else {
        Ok(Vec::new())
    };
    let text = text.unwrap_or_default();
    let mut files = BTreeSet::new();
    for path in parse(&String::from_utf8_lossy(&text)) {
        let path = match path.strip_prefix(place.folder) {
            Ok(inside) => place.source.join(inside),
            Err(_) => path,
        };
        let Ok(path) = path.canonicalize() else {
            continue;
        };
        let made = path.starts_with(place.target) || path == place.folder.join("Cargo.toml");
        if !made {
            add(&mut files, &path, inputs);
        }
    }
    files
}

/// Adds a file, or all that lie in a folder.
fn add(files: &mut BTreeSet<PathBuf>, path: &Path, inputs: &Inputs) {
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if files.len() >= FILES_MAX {
            return;
        }
        if !path.is_dir() {
            if !inputs.list(&path) {
                files.insert(path);
            }
        } else if let Ok(entries) = fs::read_dir(&path) {
            let inside = entries.flatten().filter(|entry| {
                // A link to a folder may lead round in a circle.
                let kind = entry.file_type();
                kind.is_ok_and(|kind| kind.is_dir() || entry.path().is_file())
            });
            open.extend(inside.map(|entry| entry.path()));
        }
    }
}

/// The files after `library:` in the lines of cargo's file; a space in a name is written `\ `.
fn parse(text: &str) -> Vec<PathBuf> {
    let lists = text.lines().filter_map(|line| line.split_once(": "));
    let mut paths = Vec::new();
    for (_, list) in lists {
        let mut path = String::new();
        let mut rest = list.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '\\' if rest.peek() == Some(&' ') => path.extend(rest.next()),
                ' ' => paths.push(PathBuf::from(std::mem::take(&mut path))),
                _ => path.push(letter),
            }
        }
        paths.push(path.into());
    }
    paths
}

/// The list that was kept in `file`; none if there is none.
pub(crate) fn kept(file: &Path) -> BTreeSet<PathBuf> {
    let kept = place::read_note(file);
    let kept = kept.and_then(|kept| serde_json::from_str(&kept).ok());
    kept.unwrap_or_default()
}

/// Keeps the list. A path that is no text is not kept: cargo's file does not hold it whole either.
pub(crate) fn keep(file: &Path, files: &BTreeSet<PathBuf>) -> Result<(), BuildError> {
    let names: Vec<_> = files.iter().filter_map(|path| path.to_str()).collect();
    let text = serde_json::json!(names).to_string();
    place::write_if_changed(file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_are_one_name() {
        let text = "/t/libx.so: /a/src/lib.rs /b/out\\ side.txt\n";
        assert_eq!(
            parse(text),
            [Path::new("/a/src/lib.rs"), Path::new("/b/out side.txt")]
        );
    }

    #[test]
    fn a_list_is_read_as_it_was_kept() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("read.json");
        assert!(kept(&file).is_empty());
        let files = BTreeSet::from([PathBuf::from("/a b"), PathBuf::from("/c")]);
        keep(&file, &files).unwrap();
        assert_eq!(kept(&file), files);
    }
}
