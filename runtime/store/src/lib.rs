//! The store of a node: the block log, the upgrade journal, and what a start goes on from.
//!
//! The store knows heights, names and lengths, nothing else: what a block, a checkpoint or a record means is its
//! writer's affair. [`BlockLog`], [`Journal`] and [`Archive`] are the seams; [`MemoryStore`] is the form that
//! lives as long as the process, [`DiskStore`] the one that outlives it; [`StoreReader`] looks into one without changing it.
//! A [snapshot](SnapshotReader) is a file that stands alone.
//!
//! # Invariants
//! - Heights in the log are contiguous and only grow; a block once appended never changes.
//! - What is said to be durable is: it is read back after any end of the process or the machine.
//! - Everything has a bound, and each bound is a named constant with its unit.
//! - Nothing here reads a clock or depends on the order of a hash map.

mod archive;
mod disk;
mod fault;
mod memory;
mod plain;
mod snapshot;
mod steps;
mod store;

pub use archive::{
    Archive, ArchiveView, CHECKPOINT_ABOUT_BYTES_MAX, Checkpoint, Keep, NewBranch, NewCheckpoint,
    RECORD_BYTES_MAX, RecordChange,
};
pub use disk::{
    CHECKPOINTS_KEPT, DISK_RESERVE_BYTES, DiskStore, JOURNAL_BYTES_KEPT, JOURNAL_RECORDS_KEPT,
    LogEnds, Mark, STORE_FILES_LISTED_MAX, STORE_FORMAT, StoreFile, StoreReader, has_room_for,
};
pub use fault::{Fault, OpenError};
pub use memory::{MEMORY_JOURNAL_RECORDS_MAX, MEMORY_LOG_BYTES_MAX, MemoryStore};
pub use plain::{
    NO_FILE_NEXT, is_folder, is_no_file, no_file, open_file, open_file_as, read_file, remove_whole,
};
pub use snapshot::{
    Record, RecordName, SNAPSHOT_FORMAT, SNAPSHOT_INDEX_BYTES_MAX, SNAPSHOT_RECORD_BYTES_MAX,
    SNAPSHOT_RECORDS_MAX, SnapshotError, SnapshotReader, SnapshotWriter, Sort, snapshot_begin,
};
pub use steps::{At, Committed, FileAt, FileOf, Step, Steps, Unheard};
pub use store::{
    AppendError, BLOCK_BYTES_MAX, BlockLog, JOURNAL_READ_RECORDS_MAX, JOURNAL_RECORD_BYTES_MAX,
    Journal, JournalAppendError, JournalReadError, JournalRecord, ReadError, Store, Wake,
};
