//! Where blocks come from.
//!
//! A [`BlockSource`] decides blocks and pushes them to whoever executes them; a [`Mempool`] beside it holds what
//! clients sent. Nothing here reads a clock, starts a thread or does I/O, so that a test drives it exactly as a node
//! does.
//!
//! [`Solo`] orders for one node by itself; [`Scripted`] plays blocks that were fixed before.
//!
//! # Invariants
//! - Heights are contiguous, and each block names its parent by hash.
//! - Block time never goes back. It may stand still, and does not run ahead of the clock by itself.
//! - What was accepted comes out exactly once, in the order it was accepted.
//! - A block is decided only once the one before was executed.
//! - A block's hash depends on nothing that is known to one node alone.

mod block;
mod ground;
mod mempool;
mod scripted;
mod solo;
mod source;

pub use block::{BLOCK_FORMAT, Block, BlockError, Ingress, Tip, chain};
pub use ground::{CLOCK_AHEAD_MAX_MILLIS, Ground, Refused};
pub use mempool::{Mempool, NotTaken, PoolBounds, QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, Taken};
pub use scripted::{SCRIPT_STEPS_MAX, Script, ScriptTooLong, Scripted, Step};
pub use solo::{
    AT_ONCE_MESSAGES, BACKLOG_MARK, BLOCK_INTERVAL_MILLIS, IDLE_INTERVAL_MILLIS,
    MESSAGES_PER_BLOCK_MAX, Solo, SoloConfig,
};
pub use source::{BlockSource, Decided, Due, NotPushed, Outlet, Token};
