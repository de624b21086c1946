//! The store of a node: the block log and the upgrade journal.
//!
//! The store knows heights and lengths, nothing else: what a block or a journal record means is its
//! writer's affair. [`BlockLog`] and [`Journal`] are the seams; [`MemoryStore`] is the form that
//! lives as long as the process.
//!
//! # Invariants
//! - Heights in the log are contiguous and only grow; a block once appended never changes.
//! - Everything has a bound, and each bound is a named constant with its unit.
//! - Nothing here reads a clock or depends on the order of a hash map.

mod memory;
mod store;

pub use memory::{MEMORY_JOURNAL_RECORDS_MAX, MEMORY_LOG_BYTES_MAX, MemoryStore};
pub use store::{
    AppendError, BLOCK_BYTES_MAX, BlockLog, JOURNAL_READ_RECORDS_MAX, JOURNAL_RECORD_BYTES_MAX,
    Journal, JournalAppendError, JournalReadError, JournalRecord, ReadError, Store,
};
