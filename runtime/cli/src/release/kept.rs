//! A release in its file.

use super::ReleaseFileError;
use crate::failure::Failure;
use crate::files::FileError;
use crate::show;
use refit_release::archive::Archive;
use refit_release::{Manifest, ReleaseBytes};
use std::fs::File;
use std::io::BufReader;
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

/// Says so if what is behind the release in its file is cut short or damaged: the release is signed all the same.
pub(crate) fn note_damage(path: &Path) -> Result<(), Failure> {
    let kept = open(path)?;
    let manifest = kept.claims(path)?;
    if let Err(why) = kept.archive.look(&manifest) {
        show::talk(format_args!(
            "{}: what is behind the release is of no use ({why}): take another copy of the file",
            path.display()
        ));
    }
    Ok(())
}

impl Kept {
    /// What the release says, whoever has signed it.
    pub(crate) fn claims(&self, path: &Path) -> Result<Manifest, Failure> {
        let claims = self.release.claims();
        Ok(claims.map_err(ReleaseFileError::of(path))?)
    }
}
