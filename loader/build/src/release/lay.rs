//! Lays a listed tree out of files that are named by their hashes, as releases bring them.

use crate::error::{BuildError, io};
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

/// Copies no more than the listing says: what lies there may be anything.
fn copy(from: &Path, to: &Path, bytes: u64) -> std::io::Result<()> {
    let mut from = File::open(from)?.take(bytes);
    std::io::copy(&mut from, &mut File::create_new(to)?).map(drop)
}
