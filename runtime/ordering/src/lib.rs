//! Where blocks come from.
//!
//! A [`BlockSource`] decides blocks and pushes them to their executor; a [`Mempool`] beside it holds what clients
//! sent. Nothing here reads a clock, starts a thread or does I/O, so that a test drives it exactly as a node does.
//!
//! [`Solo`] orders for one node by itself; [`Scripted`] plays blocks that were fixed before.
//!
//! # Invariants
//! - Heights are contiguous, and each block names its parent by hash.
//! - Block time never goes back. It may stop, and does not run ahead of the clock by itself.
//! - What was accepted comes out exactly once, in the order it was accepted.
//! - A block is decided only once the one before was executed.
//! - A block's hash depends on nothing that is known to one node alone.

mod block;
mod entry;
mod ground;
mod hashes;
mod manifest;
mod mempool;
mod plan;
mod refused;
mod scripted;
mod seal;
mod solo;
mod source;

pub use block::{
    BLOCK_BYTES_MAX, BLOCK_FORMAT, Block, BlockError, Canonical, Header, STATE_DELAY_BLOCKS, Tip,
    chain,
};
pub use entry::{
    AUTHENTICATOR_BYTES_MAX, ENTRIES_PER_BLOCK_MAX, Entry, EntryKind, FAILURE_CODE_BYTES_MAX,
    Message, OrderKey, REVIVED_STATE_BYTES_MAX, UpgradeEnd, UpgradeOutcome,
};
pub use ground::{CLOCK_AHEAD_MAX_MILLIS, Ground, check_length};
pub use hashes::{
    Branch, ChainId, ManifestHash, ParametersHash, PlanDigest, ReceiptHash, StateHash, StateOf,
};
pub use manifest::{CodeDifference, CodeManifest, KindCode, KindFlags, KindSchemas};
pub use mempool::{
    Mempool, NotTaken, ORDERS_BYTES_MAX, ORDERS_MAX, PoolBounds, QUEUE_BYTES_MAX,
    QUEUE_MESSAGES_MAX, Taken, WaitingOrder,
};
pub use plan::{
    PLAN_ENTRY_BYTES_MAX, PLAN_ENTRY_FORMAT, PlanEntry, PlanEntryError, PlanOptions, PlannedCode,
};
pub use refused::BlockRefused;
pub use scripted::{SCRIPT_STEPS_MAX, Script, ScriptTooLong, Scripted, Step};
pub use seal::{SEAL_BYTES_MAX, Seal, SealedBlock};
pub use solo::{
    AT_ONCE_MESSAGES, BACKLOG_MARK, BLOCK_INTERVAL_MILLIS, BLOCK_INTERVAL_MILLIS_MAX,
    IDLE_INTERVAL_MILLIS, MESSAGES_PER_BLOCK_MAX, Solo, SoloConfig,
};
pub use source::{BlockSource, Decided, Due, Foretold, NotPushed, Outlet, Token};
