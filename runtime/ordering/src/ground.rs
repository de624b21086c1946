//! [`Ground`]: what the next block stands on, and whether a block stands on it.

use crate::{Block, Ingress, Tip};
use refit_abi::{BlockHash, BlockTime, Height};

/// How far ahead of a node's clock the time of a proposed block may be, in milliseconds.
pub const CLOCK_AHEAD_MAX_MILLIS: u64 = 10_000;

/// What the next block stands on. The default is that of a new chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// The newest block.
    pub tip: Tip,
}

impl Ground {
    /// The block that stands on it: its time is `now`, or the parent's if that is later.
    pub fn extend(&self, now: BlockTime, messages: Vec<Ingress>) -> Block {
        Block {
            height: self.tip.height.next(),
            time: self.tip.time.max(now),
            parent: self.tip.hash,
            messages,
        }
    }

    /// Whether a block stands on it.
    ///
    /// # Errors
    /// [`Refused`] names the first thing that is not as it must be.
    pub fn check(&self, block: &Block) -> Result<(), Refused> {
        let (height, expected) = (block.height, self.tip.height.next());
        if height != expected {
            return Err(Refused::Height { height, expected });
        }
        if block.parent != self.tip.hash {
            return Err(Refused::Parent {
                height,
                claimed: block.parent,
                parent: self.tip.hash,
            });
        }
        if block.time < self.tip.time {
            return Err(Refused::TimeGoesBack {
                height,
                time: block.time,
                parent: self.tip.time,
            });
        }
        Ok(())
    }

    /// The same for a block that is only proposed: its time must not be too far ahead of this node's clock.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check_proposal(&self, block: &Block, now: BlockTime) -> Result<(), Refused> {
        self.check(block)?;
        // A parent that is ahead itself is no fault of the block's: its time stands still.
        let latest = BlockTime(now.0.saturating_add(CLOCK_AHEAD_MAX_MILLIS)).max(self.tip.time);
        if block.time > latest {
            return Err(Refused::TimeAhead {
                height: block.height,
                time: block.time,
                now,
            });
        }
        Ok(())
    }
}

/// Why a block is not executed, or not voted for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is not the next one.
    #[error("block {height} is not the next one; give block {expected}")]
    Height {
        /// Its height.
        height: Height,
        /// The next height.
        expected: Height,
    },
    /// It follows another block.
    #[error(
        "block {height} follows the block {claimed}, and this node's is {parent}; compare the blocks before"
    )]
    Parent {
        /// Its height.
        height: Height,
        /// The parent that it names.
        claimed: BlockHash,
        /// The newest block.
        parent: BlockHash,
    },
    /// Its time is before its parent's.
    #[error(
        "block {height} is of {time} ms, before its parent, which is of {parent} ms; make it anew with a later time"
    )]
    TimeGoesBack {
        /// Its height.
        height: Height,
        /// Its time.
        time: BlockTime,
        /// The parent's time.
        parent: BlockTime,
    },
    /// Its time runs ahead.
    #[error(
        "block {height} is of {time} ms, more than {CLOCK_AHEAD_MAX_MILLIS} ms after this node's clock, {now} ms; set the clocks"
    )]
    TimeAhead {
        /// Its height.
        height: Height,
        /// Its time.
        time: BlockTime,
        /// The node's clock.
        now: BlockTime,
    },
}
