//! [`Archive`]: what recovery needs beside the blocks, in a store that outlives the process: checkpoints, small
//! records, and the code that they are of.
//!
//! A checkpoint is a file that is written beside the store, by whoever has the state, and becomes one when it is
//! [kept](Archive::keep_checkpoint): it and its folder are synced before its name stands in the store. What stands
//! there is whole; what does not is swept away at the next start.

use crate::Fault;
use refit_abi::Height;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Longest text about a checkpoint, in bytes.
pub const CHECKPOINT_ABOUT_BYTES_MAX: usize = 1 << 20;

/// Longest record, in bytes.
pub const RECORD_BYTES_MAX: usize = 8 << 20;

/// A checkpoint that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its number: it only grows.
    pub number: u64,
    /// The block after which the state was as it says.
    pub height: Height,
    /// What its writer said about it.
    pub about: Vec<u8>,
    /// The file.
    pub path: PathBuf,
}

/// A checkpoint that is being written. It is nothing until it is kept; dropped, its file goes.
#[derive(Debug)]
pub struct NewCheckpoint {
    file: File,
    path: PathBuf,
    is_kept: bool,
}

impl NewCheckpoint {
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self {
            file,
            path,
            is_kept: false,
        }
    }

    /// The file to write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its file has its own name now.
    pub(crate) fn named(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for NewCheckpoint {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is swept away at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// One change of the records: a name, and what stands under it from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordChange {
    /// The name.
    pub name: String,
    /// The new content; `None`: there is no such record any more.
    pub content: Option<Vec<u8>>,
}

impl RecordChange {
    /// Puts a record in its place.
    pub fn put(name: impl Into<String>, content: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            content: Some(content),
        }
    }

    /// Takes a record away.
    pub fn remove(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            content: None,
        }
    }
}

/// A checkpoint that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The block after which the state was as it says.
    pub height: Height,
    /// What is said about it.
    pub about: Vec<u8>,
    /// The number of an older checkpoint that stays too, whatever comes: a way back needs it.
    pub also: Option<u64>,
    /// Records that change with it.
    pub changes: Vec<RecordChange>,
}

/// Where the log begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBranch {
    /// The last block that stays.
    pub after: Height,
    /// The checkpoints that are of what does not.
    pub checkpoints: Vec<u64>,
    /// Records that change with it.
    pub changes: Vec<RecordChange>,
}

/// What a start reads.
pub trait ArchiveView: Send + Sync {
    /// The checkpoints that are kept, oldest first.
    ///
    /// # Errors
    /// [`Fault`] if they cannot be read.
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, Fault>;

    /// The record of this name.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be read.
    fn record(&self, name: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// All records whose names begin so, in the order of their names.
    ///
    /// # Errors
    /// [`Fault`] if they cannot be read.
    fn records(&self, beginning: &str) -> Result<Vec<(String, Vec<u8>)>, Fault>;

    /// Where the library with this hash is, if it is kept. Whoever reads it compares its hash.
    fn code(&self, artifact: &str) -> Option<PathBuf>;
}

/// What outlives the process beside blocks and journal.
pub trait Archive: ArchiveView {
    /// Begins a checkpoint; one that was begun before and not kept is lost.
    ///
    /// # Errors
    /// The system's error.
    fn new_checkpoint(&self) -> io::Result<NewCheckpoint>;

    /// Keeps what was written; forgets older ones beyond the number that is kept, and the blocks that no kept one
    /// needs. It is durable when this returns, and so is every block up to its height.
    ///
    /// # Errors
    /// [`Fault`]; it is not kept then.
    fn keep_checkpoint(&self, new: NewCheckpoint, keep: Keep) -> Result<(), Fault>;

    /// Forgets a checkpoint that cannot be read, and removes its file.
    ///
    /// # Errors
    /// [`Fault`].
    fn drop_checkpoint(&self, number: u64) -> Result<(), Fault>;

    /// Takes the last block out of the log and keeps its bytes as the record `aside/HEIGHT`. Durable when this returns.
    ///
    /// # Errors
    /// [`Fault`]; also if it is not the last one, or not durable yet.
    fn set_aside(&self, height: Height) -> Result<(), Fault>;

    /// Takes all blocks behind one out of the log, and keeps them as the old branch in place of the one that was kept
    /// before. All of it or nothing; durable when this returns. The log goes on behind that block.
    ///
    /// # Errors
    /// [`Fault`]; also if a block was appended and is not durable yet.
    fn begin_branch(&self, new: NewBranch) -> Result<(), Fault>;

    /// The block at `height` of the old branch, if it has one there.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be read.
    fn old_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault>;

    /// Changes records, all of them or none. Durable when this returns.
    ///
    /// # Errors
    /// [`Fault`]; nothing has changed then, or the store takes nothing more.
    fn set_records(&self, changes: Vec<RecordChange>) -> Result<(), Fault>;

    /// Keeps the bytes of a library under their BLAKE3 hash, which it gives in hexadecimal. Durable when this returns.
    ///
    /// # Errors
    /// The system's error.
    fn keep_code(&self, bytes: &[u8]) -> io::Result<String>;

    /// Removes all libraries but these.
    ///
    /// # Errors
    /// The system's error.
    fn keep_only_code(&self, artifacts: &BTreeSet<String>) -> io::Result<()>;
}
