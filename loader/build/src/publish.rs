//! Libraries under the names of their hashes, and each code once.
//!
//! The inputs of a library are known for certain once it is built: so it is compiled with a place
//! for its build id, and stamped when it is published. Two sources that differ in what makes no code
//! (a comment, a text beside it) give the same bytes before they are stamped. The first one's library
//! then stands for both: a comparison of libraries shows that nothing changed.

use crate::error::{BuildError, io};
use crate::identity::BUILD_ID_DIGITS;
use crate::place::{self, LIBRARY_BYTES_MAX, folder, write};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The text that is compiled in the place of the build id.
pub(crate) const PLACE_FOR_STAMP: &str = "refit-build-id-is-stamped-here-.";

const _: () = assert!(PLACE_FOR_STAMP.len() == BUILD_ID_DIGITS);

/// A library under the name of its hash.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) path: PathBuf,
    pub(crate) id: String,
    /// The build id that it is stamped with.
    pub(crate) build_id: String,
    /// Whether it was not there before.
    pub(crate) is_new: bool,
}

/// Stamps a library with `build_id` and copies it to `ROOT/artifacts/<blake3>.so`; the name is there only
/// with the whole content. If a library of the same code is there, it stands for this one.
pub(crate) fn publish(
    root: &Path,
    library: &Path,
    build_id: &str,
) -> Result<Published, BuildError> {
    let bytes = place::read(library, LIBRARY_BYTES_MAX).map_err(io("read", library))?;
    let code = blake3::hash(&bytes).to_hex();
    let note = folder(root.join("codes"))?.join(code.as_str());
    let artifacts = folder(root.join("artifacts"))?;
    if let Some(before) = noted(&note, &artifacts) {
        return Ok(before);
    }
    let published = publish_bytes(&artifacts, bytes, build_id)?;
    write(&note, format!("{} {build_id}", published.id).as_bytes())?;
    Ok(published)
}

/// As [`publish`], where bytes have to follow from the source alone: what was built before does not stand for it.
pub(crate) fn publish_stamped(
    root: &Path,
    library: &Path,
    build_id: &str,
) -> Result<Published, BuildError> {
    let bytes = place::read(library, LIBRARY_BYTES_MAX).map_err(io("read", library))?;
    let artifacts = folder(root.join("artifacts"))?;
    publish_bytes(&artifacts, bytes, build_id)
}

fn publish_bytes(
    artifacts: &Path,
    mut bytes: Vec<u8>,
    build_id: &str,
) -> Result<Published, BuildError> {
    stamp(&mut bytes, build_id);
    let id = blake3::hash(&bytes).to_hex().to_string();
    let path = artifacts.join(format!("{id}.so"));
    let is_new = !path.exists();
    if is_new {
        write(&path, &bytes)?;
    }
    Ok(Published {
        path,
        id,
        build_id: build_id.to_owned(),
        is_new,
    })
}

/// Puts a build id into each place that was compiled for one.
fn stamp(bytes: &mut [u8], build_id: &str) {
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], PLACE_FOR_STAMP.as_bytes()) {
        let end = at + found + PLACE_FOR_STAMP.len();
        bytes[at + found..end].copy_from_slice(build_id.as_bytes());
        at = end;
    }
}

/// The place where `wanted`, which is not empty, begins.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (&first, _) = wanted.split_first()?;
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|&byte| byte == first) {
        if bytes[at + next..].starts_with(wanted) {
            return Some(at + next);
        }
        at += next + 1;
    }
    None
}

/// The library that a note speaks of, if it is still there as it was. It is used once more now.
fn noted(note: &Path, artifacts: &Path) -> Option<Published> {
    let text = place::read_note(note)?;
    let (id, build_id) = text.split_once(' ')?;
    let path = artifacts.join(format!("{id}.so"));
    let bytes = place::read(&path, LIBRARY_BYTES_MAX).ok()?;
    if blake3::hash(&bytes).to_hex().as_str() != id {
        return None;
    }
    touch(&path);
    Some(Published {
        path,
        id: id.to_owned(),
        build_id: build_id.to_owned(),
        is_new: false,
    })
}

/// Notes that a file is used now. A file that cannot be marked is only cleaned away earlier.
pub(crate) fn touch(path: &Path) {
    let file = place::open_file(path, fs::File::options().append(true).create(true));
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "ffffffffffffffff0000000000000000";

    #[test]
    fn the_same_code_of_another_source_is_the_library_that_was_there() {
        let root = tempfile::tempdir().unwrap();
        let library = root.path().join("lib.so");
        let published = |code: &str, build_id| {
            let text = format!("{code} {PLACE_FOR_STAMP} more {PLACE_FOR_STAMP}.");
            fs::write(&library, text).unwrap();
            publish(root.path(), &library, build_id).unwrap()
        };
        let first = published("code", ONE);
        let text = fs::read_to_string(&first.path).unwrap();
        assert_eq!(text, format!("code {ONE} more {ONE}."));
        let again = published("code", TWO);
        assert!(first.is_new && !again.is_new);
        assert_eq!((&again.id, again.build_id.as_str()), (&first.id, ONE));
        let other = published("kode", TWO);
        assert!(other.is_new && other.build_id == TWO);
        fs::remove_file(first.path).unwrap();
        let anew = published("code", TWO);
        assert!(anew.is_new && anew.build_id == TWO);
    }
}
