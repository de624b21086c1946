//! Lays a listed tree out of files that are named by their hashes, as releases bring them.

use crate::error::{BuildError, io};
use crate::place::open_file;
use crate::release::tree::SourceTree;
use refit_release::tree::Listing;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

impl SourceTree {
    /// Lays the listed files into `folder`, which is not there yet, each from the file in `contents` that has its hash for a name,
    /// and checks them there: whoever changes a file of `contents` meanwhile gets no tree.
    ///
    /// # Errors
    /// [`BuildError::Tree`], [`BuildError::Io`].
    pub fn lay(listing: &Listing, contents: &Path, folder: &Path) -> Result<Self, BuildError> {
        fs::create_dir(folder).map_err(io("create", folder))?;
        for file in listing.files() {
            // Paths of a listing lead nowhere else: they were checked with it.
            let to = folder.join(&file.path);
            let parent = to.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(io("create", parent))?;
            match file.bytes {
                // What has no bytes is there without being brought.
                0 => fs::write(&to, []).map_err(io("write", &to))?,
                _ => {
                    let from = contents.join(file.content.to_string());
                    copy(&from, &to, file.bytes).map_err(io("copy", &from))?;
                }
            }
        }
        Self::check(folder, listing)
    }
}

/// Copies no more than the listing says: what lies there may be anything, such as a pipe that nobody writes to.
fn copy(from: &Path, to: &Path, bytes: u64) -> std::io::Result<()> {
    let from = open_file(from, File::options().read(true))?;
    std::io::copy(&mut from.take(bytes), &mut File::create_new(to)?).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn what_is_no_file_in_the_place_of_one_is_not_waited_for_and_no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        fs::write(path("file"), "bytes").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        for name in ["pipe", "link"] {
            assert!(copy(&path(name), &path("to"), 5).is_err(), "{name}");
        }
        copy(&path("file"), &path("to"), 3).unwrap();
        assert_eq!(fs::read(path("to")).unwrap(), b"byt");
    }
}
