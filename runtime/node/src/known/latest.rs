//! The newest facts about the node that are read often: written by the driver after each block.

use crate::known::tempo::Tempo;
use refit_abi::{BlockTime, Generation, Height};
use refit_kernel::Stats;
use refit_ordering::Branch;

/// Counts since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The kernel's counts, summed over all blocks.
    pub blocks: Stats,
    /// Replies that were given a second time to a repeated request.
    pub repeated: u64,
}

/// The newest block and the counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latest {
    pub(crate) height: Height,
    pub(crate) time: BlockTime,
    pub(crate) generation: Generation,
    /// Of the next block.
    pub(crate) branch: Branch,
    pub(crate) backlog: usize,
    pub(crate) counts: Counts,
    pub(crate) tempo: Tempo,
    /// The engines are not all started yet.
    pub(crate) starting: bool,
    /// Set when the driver has ended: nothing is executed any more.
    pub(crate) ended: bool,
}
