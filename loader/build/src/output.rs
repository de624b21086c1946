//! Folders of output, told by a tag: what lies in them is nobody's source.
//!
//! A data folder or a folder of libraries may lie inside the package that is built. The tag is
//! cargo's own (<https://bford.info/cachedir/>), so programs that make backups know it too.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The name of the tag in the folder.
const TAG: &str = "CACHEDIR.TAG";

/// How a tag begins.
const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55";

/// Whether `folder` says of itself that it holds output.
pub fn is_output(folder: &Path) -> bool {
    let mut begin = [0; SIGNATURE.len()];
    let read = File::open(folder.join(TAG)).and_then(|mut tag| tag.read_exact(&mut begin));
    read.is_ok() && begin == SIGNATURE.as_bytes()
}

/// Lets `create` make the folder at `path` and those above it, and tags the uppermost of those that
/// were not there. A folder that was there with something in it belongs to somebody else, and is not
/// tagged.
///
/// # Errors
/// What `create` gives, and what the system says when the tag cannot be written.
pub fn make_output(path: &Path, create: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let ours = uppermost_new(path);
    create(path)?;
    match ours {
        Some(folder) => tag(&folder),
        None => Ok(()),
    }
}

/// Tags a folder that is there, if it is not tagged yet.
pub(crate) fn tag(folder: &Path) -> io::Result<()> {
    if is_output(folder) {
        return Ok(());
    }
    let text = format!("{SIGNATURE}\n# This tag was written by refit: the folder holds output.\n");
    fs::write(folder.join(TAG), text)
}

/// The uppermost folder on the way to `path` that is not there; `path` itself if it is empty.
fn uppermost_new(path: &Path) -> Option<PathBuf> {
    if let Ok(mut entries) = fs::read_dir(path) {
        return entries.next().is_none().then(|| path.to_owned());
    }
    let named = path.ancestors().filter(|one| !one.as_os_str().is_empty());
    let missing = named.take_while(|one| !one.exists());
    missing.last().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_tagged_and_what_was_there_is_not() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        fs::write(root.join("Cargo.toml"), "").unwrap();
        make_output(root, |path| fs::create_dir_all(path)).unwrap();
        assert!(!is_output(root), "a package is no output");
        make_output(&root.join("a/b"), |path| fs::create_dir_all(path)).unwrap();
        assert!(is_output(&root.join("a")) && root.join("a/b").is_dir());
        fs::create_dir(root.join("empty")).unwrap();
        make_output(&root.join("empty"), |path| fs::create_dir_all(path)).unwrap();
        assert!(is_output(&root.join("empty")));
    }

    #[test]
    fn another_file_of_that_name_is_no_tag() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(TAG), "Signature: none").unwrap();
        assert!(!is_output(place.path()));
    }
}
