//! A round's work, claimed chunk by chunk by the leader and its helpers.

use crate::block::handling::Quota;
use crate::block::report::Report;
use crate::causes::Causes;
use crate::engines::chunk::SharedChunk;
use crate::engines::last_good::LastGood;
use crate::engines::room::RoundRoom;
use crate::executor::Shared;
use crate::parameters::Parameters;
use refit_abi::host::BlockFrame;
use refit_abi::{EngineId, Generation, Height};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The facts that all handlers of a round share.
#[derive(Clone, Debug)]
pub(crate) struct RoundFacts {
    /// The block.
    pub(crate) frame: BlockFrame,
    /// Timers that the node had when the round began.
    pub(crate) node_timers: usize,
    /// Their bytes.
    pub(crate) node_timer_bytes: usize,
    pub(crate) parameters: Arc<Parameters>,
    /// Of all that waits, as it was when the round began.
    pub(crate) causes: Causes,
    /// How much of its mail each engine gets.
    pub(crate) quota: Quota,
    /// The room for the outputs of all of them.
    pub(crate) room: RoundRoom,
    /// The block before the newest generation.
    pub(crate) update_point: Height,
    /// Whether states are compared at faults.
    pub(crate) faults_checked: bool,
    /// Whose states before each message are written down.
    pub(crate) last_good: Option<Arc<LastGood>>,
}

impl RoundFacts {
    /// Where this engine's states are written down, if they are in this block.
    pub(crate) fn last_good_of(&self, engine: EngineId) -> Option<&LastGood> {
        let last_good = self.last_good.as_deref();
        last_good.filter(|it| it.is_for(engine, self.frame.height))
    }
}

/// One round of a block.
pub(crate) struct Round {
    pub(crate) shared: Arc<Shared>,
    pub(crate) chunks: Vec<SharedChunk>,
    pub(crate) claimed: AtomicUsize,
    pub(crate) facts: RoundFacts,
    /// The generation that the block began with.
    pub(crate) generation: Generation,
    /// Chunks whose worker saw another generation.
    pub(crate) mixed: AtomicUsize,
    /// Log lines and troubles of those that are done.
    pub(crate) report: Report,
}

impl Round {
    pub(crate) fn work(&self) {
        // The gate is closed by the leader, between blocks only; a helper that comes late finds the
        // round's chunks claimed, or the gate closed: either way there is nothing to do.
        let Some(_pass) = self.shared.gate.enter() else {
            return;
        };
        while let Some((before, chunk)) = claim(&self.chunks, &self.claimed) {
            let table = self.shared.table.load();
            if table.number() != self.generation {
                self.mixed.fetch_add(1, Ordering::Relaxed);
            }
            let mut chunk = chunk.write();
            chunk.run(&table, &self.facts, before);
            self.report.cut(before.len(), &mut chunk.outbox);
        }
    }
}

/// The next chunk, and those before it.
fn claim<'a>(
    chunks: &'a [SharedChunk],
    claimed: &AtomicUsize,
) -> Option<(&'a [SharedChunk], &'a SharedChunk)> {
    let number = claimed.fetch_add(1, Ordering::Relaxed);
    let chunk = chunks.get(number)?;
    Some((&chunks[..number], chunk))
}
