//! [`BlockSource`]: who decides blocks, and [`Outlet`]: where it pushes them.
//!
//! ```text
//! client ── offer ──▶ mempool ── take ──▶ source ── push(block) ──▶ driver ──▶ log, execution
//!                                           ▲                         │
//!                                           └───── executed(ground) ──┘
//! ```
//!
//! A source decides block H+1 only once it has the ground that H leaves. It may push from any thread; one that has
//! none, as [`crate::Solo`], is driven by the ticks that its driver gives it.

use crate::{
    Block, BlockError, BlockRefused, Canonical, Ground, Mempool, Seal, SealedBlock, UpgradeOutcome,
};
use refit_abi::{BlockTime, Height};
use std::sync::Arc;

/// Decides blocks.
pub trait BlockSource: Send {
    /// The mempool in which clients' messages wait for it.
    fn mempool(&self) -> &Arc<Mempool>;

    /// Decided blocks go there. Said once, before all else.
    fn begin(&mut self, outlet: Arc<dyn Outlet>);

    /// Whether a block that another has proposed may be decided. `now` is this node's clock, which no decided block
    /// is held against.
    ///
    /// # Errors
    /// [`BlockRefused`] says what is wrong with it.
    fn validate(&self, proposal: &Block, now: BlockTime) -> Result<(), BlockRefused>;

    /// The newest block was executed, and an upgrade at its height is over: the next block follows `ground`, and may
    /// be decided. Called again for the same height if an upgrade happens there before there is a next block.
    fn executed(&mut self, ground: &Ground);

    /// The known facts about the next block: whether its maker saw an upgrade before it. A node that replays blocks
    /// does the same.
    fn foretold(&self) -> Foretold {
        Foretold::Unknown
    }

    /// When [`BlockSource::tick`] has something to do: `now` if at once, `None` if nothing is waiting and only a new
    /// message, or something else that becomes due, can change that.
    fn next_due(&self, _now: BlockTime, _due: Due) -> Option<BlockTime> {
        None
    }

    /// Lets time pass for a source that has no thread. `now` is the driver's clock; `due` says what, beside client
    /// messages, needs a block.
    fn tick(&mut self, _now: BlockTime, _due: Due) {}
}

/// The next block's word on an upgrade before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Foretold {
    /// It is not decided, or not known here.
    #[default]
    Unknown,
    /// There was none.
    Nothing,
    /// There was one, which ended so.
    Said(UpgradeOutcome),
}

impl Foretold {
    /// This block's word.
    pub fn by(block: &Block) -> Self {
        let outcome = block.header.outcome.clone();
        outcome.map_or(Self::Nothing, Self::Said)
    }
}

/// Takes decided blocks, and wakes who executes them.
pub trait Outlet: Send + Sync {
    /// Takes a block. Does not wait.
    ///
    /// # Errors
    /// [`NotPushed`]; the block is not taken.
    fn push(&self, decided: Decided) -> Result<(), NotPushed>;
}

/// Why a block was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPushed {
    /// Blocks wait that were pushed before.
    #[error("block {height} came before the one before was executed; push it then")]
    TooEarly {
        /// The height of the block.
        height: Height,
    },
    /// Nobody executes blocks any more.
    #[error("block {height} is not executed: the node has ended")]
    Ended {
        /// The height of the block.
        height: Height,
    },
}

/// Finds, on the node that took a message in, who waits for its answer. It is in no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A decided block, its seal, and what was offered with its messages on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The block.
    pub block: Block,
    /// Its proof.
    pub seal: Seal,
    /// One for each of its entries, in their order; `None` if a message came without, or from elsewhere.
    pub tokens: Vec<Option<Token>>,
    /// Of its canonical bytes, if it was read from them.
    canonical: Option<Canonical>,
}

impl Decided {
    /// A block that is made on this node.
    pub fn new(block: Block, seal: Seal, tokens: Vec<Option<Token>>) -> Self {
        Self {
            block,
            seal,
            tokens,
            canonical: None,
        }
    }

    /// A block for which nobody on this node waits.
    pub fn from_elsewhere(block: Block) -> Self {
        let tokens = vec![None; block.entries.len()];
        Self::new(block, Seal::default(), tokens)
    }

    /// A block of a log, read from the bytes of a [`SealedBlock`]. It is executed as it is: changed it is another one.
    ///
    /// # Errors
    /// [`BlockError`], as [`SealedBlock::from_bytes`].
    pub fn from_log(bytes: &[u8]) -> Result<Self, BlockError> {
        let (SealedBlock { block, seal }, canonical) = SealedBlock::read(bytes)?;
        Ok(Self {
            seal,
            canonical: Some(canonical),
            ..Self::from_elsewhere(block)
        })
    }

    /// The hash and the length of its canonical bytes, if it was read from them.
    pub fn canonical(&self) -> Option<Canonical> {
        self.canonical
    }
}

/// The reasons for a block beside the messages of clients.
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
