//! A release in its file.

use super::ReleaseFileError;
use crate::failure::Failure;
use crate::files::FileError;
use refit_release::archive::{Archive, Item, Sink};
use refit_release::{Manifest, ReleaseBytes};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// An archive of which the release was read.
pub(crate) struct Kept {
    pub(crate) release: ReleaseBytes,
    pub(crate) archive: Archive<BufReader<File>>,
}

/// Opens the archive at `path`.
pub(crate) fn open(path: &Path) -> Result<Kept, Failure> {
    let file = File::open(path).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let opened = Archive::open(BufReader::new(file));
    let (release, archive) = opened.map_err(ReleaseFileError::of(path))?;
    Ok(Kept { release, archive })
}

impl Kept {
    /// What the release says, whoever has signed it.
    pub(crate) fn claims(&self, path: &Path) -> Result<Manifest, Failure> {
        let claims = self.release.claims();
        Ok(claims.map_err(ReleaseFileError::of(path))?)
    }
}

/// Looks at what comes out of an archive, and keeps none of it.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Items that are what their ids say.
    pub(crate) items: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Of the one that comes.
    coming: u64,
}

impl Sink for Looked {
    fn begin(&mut self, _: Item, bytes: u64) -> io::Result<()> {
        self.coming = bytes;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: Item) -> io::Result<()> {
        self.items += 1;
        self.bytes += self.coming;
        Ok(())
    }
}
