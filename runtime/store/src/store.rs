//! The seams: [`BlockLog`], [`Journal`], and [`Store`] for both together, with an [`Archive`] if it outlives the process.
//!
//! A store is shared: every method takes `&self`, so that the driver appends while others read.
//! There is one writer by convention (the driver); two would find each other as gaps.

use crate::{Archive, Fault};
use refit_abi::Height;
use std::fmt;
use std::sync::Arc;

/// Largest block, in bytes.
pub const BLOCK_BYTES_MAX: usize = 16 << 20;

/// Largest journal record, in bytes.
pub const JOURNAL_RECORD_BYTES_MAX: usize = 4 << 20;

/// Most journal records that one read gives.
pub const JOURNAL_READ_RECORDS_MAX: usize = 1024;

/// The blocks that were executed, or soon will be, by height.
pub trait BlockLog: Send + Sync {
    /// Appends the bytes of the block at `height`, which must follow the last one.
    ///
    /// The block may become durable later; [`BlockLog::durable_height`] says when it is.
    ///
    /// # Errors
    /// [`AppendError`]; the log is then as it was.
    fn append(&self, height: Height, block: &[u8]) -> Result<(), AppendError>;

    /// The height up to which every appended block outlives what this store promises to outlive.
    ///
    /// Effects of a block leave the node only once this has reached its height.
    fn durable_height(&self) -> Height;

    /// From now on `wake` is called whenever [`BlockLog::durable_height`] has grown, and once if the log fails: on a
    /// thread of the store's, so it must not wait.
    fn wake_with(&self, wake: Wake);

    /// Why nothing that was appended becomes durable any more, if that is so.
    fn fault(&self) -> Option<Fault>;

    /// Whether the disk has room for what a node still has to write once it takes in nothing new.
    fn has_room(&self) -> bool;

    /// The last block that was appended; before the first one what the log begins after.
    fn last(&self) -> Height;

    /// The bytes of the block at `height`.
    ///
    /// # Errors
    /// [`ReadError`] distinguishes a block that is gone from one that does not exist yet.
    fn read(&self, height: Height) -> Result<Arc<[u8]>, ReadError>;
}

/// The decisions about upgrades: opaque records in the order they were written.
pub trait Journal: Send + Sync {
    /// Appends a record and gives its index. The record is durable when this returns.
    ///
    /// # Errors
    /// [`JournalAppendError`]; the journal is then as it was.
    fn journal_append(&self, record: &[u8]) -> Result<u64, JournalAppendError>;

    /// The records from index `from` on, at most [`JOURNAL_READ_RECORDS_MAX`]; empty at the end.
    /// The next read starts one past the last index given.
    ///
    /// # Errors
    /// [`JournalReadError`] if the record at `from` is gone.
    fn journal_read(&self, from: u64) -> Result<Vec<JournalRecord>, JournalReadError>;
}

/// Tells its owner to look.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// All that a node keeps.
pub trait Store: BlockLog + Journal + fmt::Debug {
    /// What a start goes on from; `None` if nothing outlives the process.
    fn archive(&self) -> Option<&dyn Archive>;
}

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Its place, counted from zero over the life of the journal.
    pub index: u64,
    /// The bytes that were written.
    pub bytes: Arc<[u8]>,
}

/// Why a block was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The block does not follow the last one.
    #[error("block {height} does not follow the log; append block {expected} next")]
    Gap {
        /// The height that was given.
        height: Height,
        /// The height that the log needs next.
        expected: Height,
    },
    /// The block is larger than a block may be.
    #[error("block {height} has {bytes} bytes; make blocks of at most {BLOCK_BYTES_MAX} bytes")]
    TooLarge {
        /// The height that was given.
        height: Height,
        /// Its size in bytes.
        bytes: usize,
    },
    /// The log takes nothing any more.
    #[error("block {height} is not logged: {fault}")]
    Fault {
        /// The height that was given.
        height: Height,
        /// Why.
        fault: Fault,
    },
}

/// Why a block cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The block was dropped to make room.
    #[error("block {height} is no longer kept; read from block {oldest} on")]
    Pruned {
        /// The height that was asked for.
        height: Height,
        /// The oldest height that is kept.
        oldest: Height,
    },
    /// There is no such block yet.
    #[error("block {height} does not exist yet; the log ends at block {last}")]
    Missing {
        /// The height that was asked for.
        height: Height,
        /// The last height there is.
        last: Height,
    },
    /// The store cannot be read.
    #[error("block {height} cannot be read: {fault}")]
    Fault {
        /// The height that was asked for.
        height: Height,
        /// Why.
        fault: Fault,
    },
}

/// Why a journal record was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalAppendError {
    /// The record is larger than a record may be.
    #[error("journal record of {bytes} bytes; write at most {JOURNAL_RECORD_BYTES_MAX} bytes")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// The store takes nothing any more.
    #[error("the journal takes no record: {0}")]
    Fault(Fault),
}

/// Why the journal cannot be read from an index on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalReadError {
    /// The record was dropped to make room.
    #[error("journal record {from} is no longer kept; read from record {oldest} on")]
    Pruned {
        /// The index that was asked for.
        from: u64,
        /// The oldest index that is kept.
        oldest: u64,
    },
    /// The store cannot be read.
    #[error("the journal cannot be read: {0}")]
    Fault(Fault),
}
