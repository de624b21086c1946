//! [`StoreReader`]: a store that is looked into and not changed, though its node was killed. The caller sees to it that
//! no node writes to it meanwhile.

use super::newest;
use super::overlay::Overlay;
use super::tables::{self, BLOCKS, JOURNAL, fault};
use super::{Files, begin, look_at_blocks, view, whole};
use crate::archive::{ArchiveView, Checkpoint};
use crate::{Fault, JOURNAL_READ_RECORDS_MAX, OpenError};
use redb::{Builder, Database, ReadableTable, ReadableTableMetadata};
use refit_abi::Height;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most files of a store that are listed.
pub const STORE_FILES_LISTED_MAX: usize = 10_000;

/// A store that is only read.
pub struct StoreReader {
    db: Database,
    files: Files,
}

/// Where the log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnds {
    /// The oldest block.
    pub first: Height,
    /// The newest.
    pub last: Height,
    /// How many there are: fewer than from the one to the other if some are missing.
    pub count: u64,
}

/// A file of the store's folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
}

impl StoreReader {
    /// Opens the store in `folder`, which is there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let files = Files::within(folder);
        let path = files.blocks();
        // Before the file: where somebody writes all the same, the file is never behind it.
        let noted = newest::read(&files.newest())?;
        let overlay = Overlay::open(&path).map_err(|error| OpenError::io(&path, error))?;
        let open = |builder: &mut Builder| builder.create_with_backend(overlay);
        let mut opened = whole::opened(&path, open)?;
        opened.check(&path)?;
        let db = opened.db;
        begin(&db, &path)?;
        newest::reached(&db, noted, &path)?;
        Ok(Self { db, files })
    }

    /// Where the log begins and ends, if there is a block.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be read.
    pub fn log(&self) -> Result<Option<LogEnds>, Fault> {
        let Some((first, last)) = look_at_blocks(&self.db)? else {
            return Ok(None);
        };
        let txn = tables::look(&self.db)?;
        let blocks = txn.open_table(BLOCKS).map_err(fault)?;
        Ok(Some(LogEnds {
            first: Height(first),
            last: Height(last),
            count: blocks.len().map_err(fault)?,
        }))
    }

    /// The bytes of a block; `None` if it is not there.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be read.
    pub fn block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        let txn = tables::look(&self.db)?;
        let blocks = txn.open_table(BLOCKS).map_err(fault)?;
        let found = blocks.get(height.0).map_err(fault)?;
        Ok(found.map(|block| block.value().to_vec()))
    }

    /// The newest records of the journal, oldest first, at most [`JOURNAL_READ_RECORDS_MAX`].
    ///
    /// # Errors
    /// [`Fault`] if they cannot be read.
    pub fn journal(&self) -> Result<Vec<Vec<u8>>, Fault> {
        let txn = tables::look(&self.db)?;
        let journal = txn.open_table(JOURNAL).map_err(fault)?;
        let newest = journal.iter().map_err(fault)?.rev();
        let mut records = Vec::new();
        for entry in newest.take(JOURNAL_READ_RECORDS_MAX) {
            let (_, record) = entry.map_err(fault)?;
            records.push(record.value().to_vec());
        }
        records.reverse();
        Ok(records)
    }

    /// The files beside the tables, in the order of their names, at most [`STORE_FILES_LISTED_MAX`].
    ///
    /// # Errors
    /// The system's error.
    pub fn files(&self) -> io::Result<Vec<StoreFile>> {
        let mut found = Vec::new();
        for folder in [self.files.checkpoints(), self.files.codes()] {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries.take(STORE_FILES_LISTED_MAX) {
                let entry = entry?;
                let bytes = entry.metadata()?.len();
                let path = entry.path();
                found.push(StoreFile { path, bytes });
            }
        }
        found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }
}

impl ArchiveView for StoreReader {
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, Fault> {
        view::checkpoints(&self.db, &self.files)
    }

    fn record(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        view::record(&self.db, name)
    }

    fn records(&self, beginning: &str) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        view::records(&self.db, beginning)
    }

    fn code(&self, artifact: &str) -> Option<PathBuf> {
        self.files.code(artifact)
    }
}

impl fmt::Debug for StoreReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreReader")
            .field("folder", &self.files.folder())
            .finish_non_exhaustive()
    }
}
