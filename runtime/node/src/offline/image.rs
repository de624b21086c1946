//! [`Image`]: the states of a snapshot, read on for the child that runs the transitions.

use super::MigrateError;
use crate::rehearsal::{Copying, RehearsalError};
use crate::snapshot::{SnapshotFile, Unfinished};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The image of a snapshot, on its way to the child.
pub(super) struct Image {
    file: File,
    begin: u64,
    length: u64,
}

impl Image {
    /// That of this snapshot.
    pub(super) fn of(file: &SnapshotFile) -> Result<Self, MigrateError> {
        let (records, begin) = file.image_records()?;
        Ok(Self {
            file: File::open(file.path()).map_err(Unfinished::System)?,
            begin,
            length: records.iter().map(|record| record.length).sum(),
        })
    }

    /// Has it written behind these bytes, on a thread of its own.
    pub(super) fn copy(
        self,
        to: impl Write + Send + 'static,
        head: Vec<u8>,
    ) -> Result<Box<dyn Copying>, RehearsalError> {
        let failed = |source| RehearsalError::Stream(refit_kernel::StreamError::Read { source });
        let Self {
            mut file,
            begin,
            length,
        } = self;
        file.seek(SeekFrom::Start(begin)).map_err(failed)?;
        let write = move || {
            let mut to = to;
            // A child that has ended says itself why, and one that gets less says that.
            let _ = to
                .write_all(&head)
                .and_then(|()| io::copy(&mut file.take(length), &mut to));
        };
        let thread = std::thread::Builder::new().name("refit-migration".to_owned());
        thread.spawn(write).map_err(failed)?;
        Ok(Box::new(Written))
    }
}

/// The copy's writer: it knows no more than the child says.
struct Written;

impl Copying for Written {
    fn failure(&mut self) -> Option<RehearsalError> {
        None
    }
}
