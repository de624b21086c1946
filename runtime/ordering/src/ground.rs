//! [`Ground`]: the facts that the next block must name, and the check whether a block does.

use crate::{
    BLOCK_BYTES_MAX, Block, BlockRefused, Branch, ChainId, ENTRIES_PER_BLOCK_MAX, Entry, Header,
    ManifestHash, ParametersHash, ReceiptHash, STATE_DELAY_BLOCKS, StateOf, Tip, UpgradeOutcome,
};
use refit_abi::{BlockTime, Height};

/// How far ahead of a node's clock the time of a proposed block may be, in milliseconds.
pub const CLOCK_AHEAD_MAX_MILLIS: u64 = 10_000;

/// The facts that the next block must name: its parent, the parent's effects, code and parameters. The default is
/// that of a new chain without code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// The chain.
    pub chain: ChainId,
    /// The branch of it.
    pub branch: Branch,
    /// The newest block.
    pub tip: Tip,
    /// The parent's effects.
    pub receipt: ReceiptHash,
    /// The outcome of an upgrade after it, if there was one.
    pub outcome: Option<UpgradeOutcome>,
    /// The code that is live now.
    pub manifest: ManifestHash,
    /// The parameters that hold now.
    pub parameters: ParametersHash,
    /// The state of a checkpoint, if one is to be named next.
    pub state: Option<StateOf>,
}

impl Ground {
    /// The next block on this ground: its time is `now`, or the parent's if that is later.
    pub fn extend(&self, now: BlockTime, entries: Vec<Entry>) -> Block {
        let header = Header {
            chain: self.chain,
            branch: self.branch,
            height: self.tip.height.next(),
            // A clock that went back makes time stand still: block time never does.
            time: self.tip.time.max(now),
            parent: self.tip.hash,
            receipt: self.receipt,
            outcome: self.outcome.clone(),
            manifest: self.manifest,
            parameters: self.parameters,
            state: self.state,
        };
        Block { header, entries }
    }

    /// The ground of the block that has this header.
    pub fn of(header: &Header) -> Self {
        Self {
            chain: header.chain,
            branch: header.branch,
            tip: Tip {
                height: Height(header.height.0.saturating_sub(1)),
                // The parent's, unless the block's own is later: the difference is lost with the parent.
                time: header.time,
                hash: header.parent,
            },
            receipt: header.receipt,
            outcome: header.outcome.clone(),
            manifest: header.manifest,
            parameters: header.parameters,
            state: header.state,
        }
    }

    /// Whether a block follows this ground, and has only entries that this node can carry out.
    ///
    /// # Errors
    /// [`BlockRefused`] names the first thing that is not as it must be.
    pub fn check(&self, block: &Block) -> Result<(), BlockRefused> {
        // In this order, so that the first difference is the cause: on another chain every later hash differs too.
        self.check_place(&block.header)?;
        self.check_execution(&block.header)?;
        let (height, entries) = (block.header.height, block.entries.len());
        if entries > ENTRIES_PER_BLOCK_MAX {
            return Err(BlockRefused::TooManyEntries { height, entries });
        }
        // All of them before any is carried out: a block is executed whole or not at all.
        let mut entries = (0..).zip(&block.entries);
        entries.try_for_each(|(index, entry)| entry.check(height, index))
    }

    /// The same for a block that is only proposed: it is not longer than a block may be, and its time is not too far
    /// ahead of this node's clock.
    ///
    /// # Errors
    /// [`BlockRefused`].
    pub fn check_proposal(&self, block: &Block, now: BlockTime) -> Result<(), BlockRefused> {
        self.check(block)?;
        let (height, time) = (block.header.height, block.header.time);
        check_length(height, block.to_bytes().len())?;
        // A parent that is ahead itself is no fault of the block's: its time stays the same.
        let latest = BlockTime(now.0.saturating_add(CLOCK_AHEAD_MAX_MILLIS)).max(self.tip.time);
        match time > latest {
            true => Err(BlockRefused::TimeAhead { height, time, now }),
            false => Ok(()),
        }
    }

    /// Whether it comes after the newest block.
    fn check_place(&self, header: &Header) -> Result<(), BlockRefused> {
        let (height, expected) = (header.height, self.tip.height.next());
        let (time, parent) = (header.time, self.tip.time);
        if header.chain != self.chain {
            return Err(BlockRefused::Chain {
                height,
                claimed: header.chain,
                chain: self.chain,
            });
        }
        if header.branch != self.branch {
            return Err(BlockRefused::Branch {
                height,
                claimed: header.branch,
                branch: self.branch,
            });
        }
        if height != expected {
            return Err(BlockRefused::Height { height, expected });
        }
        if header.parent != self.tip.hash {
            return Err(BlockRefused::Parent {
                height,
                claimed: header.parent,
                parent: self.tip.hash,
            });
        }
        match time < parent {
            true => Err(BlockRefused::TimeGoesBack {
                height,
                time,
                parent,
            }),
            false => Ok(()),
        }
    }

    /// Whether the block's maker has the same results so far, and goes on with the same code.
    fn check_execution(&self, header: &Header) -> Result<(), BlockRefused> {
        let height = header.height;
        if header.receipt != self.receipt {
            return Err(BlockRefused::Receipt {
                parent: self.tip.height,
                claimed: header.receipt,
                receipt: self.receipt,
            });
        }
        if header.outcome != self.outcome {
            return Err(BlockRefused::Outcome {
                parent: self.tip.height,
                claimed: header.outcome.clone().map(Box::new),
                outcome: self.outcome.clone().map(Box::new),
            });
        }
        if header.manifest != self.manifest {
            return Err(BlockRefused::Manifest {
                height,
                claimed: header.manifest,
                manifest: self.manifest,
            });
        }
        if header.parameters != self.parameters {
            return Err(BlockRefused::Parameters {
                height,
                claimed: header.parameters,
                parameters: self.parameters,
            });
        }
        header
            .state
            .map_or(Ok(()), |claimed| self.check_state(height, claimed))
    }

    /// Whether a block may name this state. Which checkpoints a node takes, and when it knows their hashes, is its own: of
    /// one that is not to be named here nothing is known, and it is the receipts that guard the results.
    fn check_state(&self, height: Height, claimed: StateOf) -> Result<(), BlockRefused> {
        let from = claimed.checkpoint.0.saturating_add(STATE_DELAY_BLOCKS);
        if height.0 < from {
            return Err(BlockRefused::StateTooEarly { height, claimed });
        }
        match self.state.filter(|state| state.contradicts(&claimed)) {
            Some(state) => Err(BlockRefused::State {
                height,
                claimed,
                state: state.hash,
            }),
            None => Ok(()),
        }
    }
}

/// Whether a block of so many bytes is not too long.
///
/// # Errors
/// [`BlockRefused::TooLarge`].
pub fn check_length(height: Height, bytes: usize) -> Result<(), BlockRefused> {
    match bytes {
        ..=BLOCK_BYTES_MAX => Ok(()),
        _ => Err(BlockRefused::TooLarge { height, bytes }),
    }
}
