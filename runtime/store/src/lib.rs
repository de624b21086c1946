//! Where a node keeps its bytes: the block log, the upgrade journal and the recorded replies.
//!
//! The store knows heights and lengths, nothing else: what a block or a journal record means is its
//! writer's affair. [`BlockLog`] and [`Journal`] are the seams; [`MemoryStore`] is the form that
//! lives as long as the process. [`Replies`] is a plain data structure beside them: it makes a
//! client's repeat get the reply that it was given first.
//!
//! # Invariants
//! - Heights in the log are contiguous and only grow; a block once appended never changes.
//! - Everything has a bound, and each bound is a named constant with its unit.
//! - Nothing here reads a clock or depends on the order of a hash map: two nodes that record the
//!   same replies at the same heights keep and forget the same ones.

mod memory;
mod replies;
mod store;

pub use memory::{MEMORY_JOURNAL_RECORDS_MAX, MEMORY_LOG_BYTES_MAX, MemoryStore};
pub use replies::{
    CLIENTS_MAX, Lookup, REPLIES_BYTES_MAX, REPLIES_PER_CLIENT_MAX, REPLY_BYTES_MAX,
    REPLY_OVERHEAD_BYTES, RecordError, Replies, RepliesLimits,
};
pub use store::{
    AppendError, BLOCK_BYTES_MAX, BlockLog, JOURNAL_READ_RECORDS_MAX, JOURNAL_RECORD_BYTES_MAX,
    Journal, JournalAppendError, JournalReadError, JournalRecord, ReadError, Store,
};
