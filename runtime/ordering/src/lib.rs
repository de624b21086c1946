//! Where blocks come from.
//!
//! An [`Ordering`] takes in what clients send and gives out blocks; whoever drives it passes the time
//! in and sleeps until [`Ordering::next_due`]. Nothing here reads a clock, starts a thread or does
//! I/O, so that a test drives it exactly as a node does.
//!
//! ```text
//! client ── offer ──▶ queue ── next(now, due) ──▶ Block ──▶ log, execution
//! ```
//!
//! [`Solo`] orders for one node by itself; [`Scripted`] plays blocks that were fixed before.
//!
//! # Invariants
//! - Heights are contiguous, and each block names its parent by hash.
//! - Block time never goes back. It may stand still, and does not run ahead of the clock by itself.
//! - What was accepted comes out exactly once, in the order it was accepted.
//! - A block's hash depends on nothing that is known to one node alone.

mod block;
mod scripted;
mod solo;

pub use block::{BLOCK_FORMAT, Block, BlockError, Ingress, Tip, chain};
pub use scripted::Scripted;
pub use solo::{
    BACKLOG_MARK, BLOCK_INTERVAL_MILLIS, IDLE_INTERVAL_MILLIS, MESSAGES_PER_BLOCK_MAX,
    QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, Solo, SoloConfig,
};

use refit_abi::BlockTime;

/// A source of blocks.
pub trait Ordering: Send {
    /// Takes a message in, to be part of a later block. The token comes back beside that block.
    ///
    /// # Errors
    /// [`Full`] if there is no room; the message is not taken.
    fn offer(&mut self, message: Ingress, token: Option<Token>) -> Result<(), Full>;

    /// Gives the next block if it is time for one.
    ///
    /// `now` is the driver's clock; `due` says what, beside client messages, needs a block.
    fn next(&mut self, now: BlockTime, due: Due) -> Option<Next>;

    /// When [`Ordering::next`] gives a block: `now` if at once, `None` if nothing is waiting and only a new
    /// message, or something else that becomes due, can change that.
    fn next_due(&self, now: BlockTime, due: Due) -> Option<BlockTime>;

    /// How many messages were taken in and are in no block yet.
    fn pending(&self) -> usize;

    /// The last block that was given, or where this source went on from.
    fn tip(&self) -> Tip;
}

/// Finds, on the node that took a message in, who waits for its answer. It is in no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A block, and what was offered with its messages on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The block.
    pub block: Block,
    /// One for each of its messages, in their order; `None` if the message came without, or from elsewhere.
    pub tokens: Vec<Option<Token>>,
}

/// What needs a block beside the messages of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// An upgrade has just ended: the block that follows it is made at once.
    pub follows_upgrade: bool,
    /// A later height is awaited, by a timer or by a plan: heights go on, slowly if nothing else makes them.
    pub height_awaited: bool,
    /// The earliest block time that a timer waits for.
    pub timer: Option<BlockTime>,
    /// How many messages the block before left in mailboxes.
    pub backlog: usize,
}

/// There is no room for another message now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the ingress queue is full ({messages} messages, {bytes} bytes); send again after a short wait"
)]
pub struct Full {
    /// Messages that wait.
    pub messages: usize,
    /// Bytes of payload that wait.
    pub bytes: usize,
}
