//! A release's source out of its file: each content under its hash, once it is found to be what the hash says.

use super::ReleaseFileError;
use crate::failure::Failure;
use refit_release::VerifiedRelease;
use refit_release::archive::{Archive, Item, Sink};
use refit_release::tree::Listing;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

/// Unpacks all that is in the archive of a verified release into `folder`, and gives the listing of its source.
///
/// # Errors
/// [`ReleaseFileError::SourceLess`] if it has none.
pub(crate) fn unpack(
    path: &Path,
    archive: Archive<BufReader<File>>,
    release: &VerifiedRelease,
    folder: &Path,
) -> Result<Listing, Failure> {
    let without_source = || ReleaseFileError::SourceLess {
        path: path.to_owned(),
    };
    // Before any of it is written.
    if release.manifest().source.is_none() {
        return Err(without_source().into());
    }
    fs::create_dir_all(folder).map_err(|source| ReleaseFileError::Unpack {
        path: folder.to_owned(),
        source,
    })?;
    let mut contents = Contents {
        folder: folder.to_owned(),
        writing: None,
    };
    let unpacked = archive.unpack(release, &mut contents);
    let unpacked = unpacked.map_err(ReleaseFileError::of(path))?;
    Ok(unpacked.source.ok_or_else(without_source)?)
}

/// The folder of what comes out.
struct Contents {
    folder: PathBuf,
    writing: Option<File>,
}

impl Sink for Contents {
    fn begin(&mut self, item: Item, _: u64) -> io::Result<()> {
        self.writing = match item {
            // It is given back as it was read.
            Item::Listing(_) => None,
            Item::File(file) => Some(File::create_new(self.folder.join(file.to_string()))?),
        };
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.writing {
            Some(file) => file.write_all(bytes),
            None => Ok(()),
        }
    }

    fn end(&mut self, _: Item) -> io::Result<()> {
        self.writing = None;
        Ok(())
    }
}
