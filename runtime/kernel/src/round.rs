//! A round's work, claimed chunk by chunk by the leader and its helpers.

use crate::chunk::Chunk;
use crate::executor::Shared;
use parking_lot::Mutex;
use refit_abi::Generation;
use refit_abi::host::BlockFrame;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) type SharedChunk = Arc<Mutex<Chunk>>;

/// What the members of a crew do together.
#[derive(Clone)]
pub(crate) enum Job {
    /// Handle the mail of some chunks.
    Round(Arc<Round>),
    /// Visit some chunks while the gate is closed.
    Visit(Arc<Visit>),
}

/// One round of a block.
pub(crate) struct Round {
    pub(crate) shared: Arc<Shared>,
    pub(crate) chunks: Vec<SharedChunk>,
    pub(crate) claimed: AtomicUsize,
    pub(crate) frame: BlockFrame,
    /// The generation that the block began with.
    pub(crate) generation: Generation,
    /// Chunks whose worker saw another generation.
    pub(crate) mixed: AtomicUsize,
}

/// What a [`Visit`] does with each chunk.
pub(crate) type Visitor = dyn Fn(&mut Chunk) + Send + Sync;

/// One pass over chunks in a transition.
pub(crate) struct Visit {
    pub(crate) chunks: Vec<SharedChunk>,
    pub(crate) claimed: AtomicUsize,
    pub(crate) visitor: Box<Visitor>,
}

impl Job {
    /// Claims chunks until none is left.
    pub(crate) fn work(&self) {
        match self {
            Job::Round(round) => round.work(),
            Job::Visit(visit) => {
                while let Some(chunk) = claim(&visit.chunks, &visit.claimed) {
                    (visit.visitor)(&mut chunk.lock());
                }
            }
        }
    }
}

impl Round {
    fn work(&self) {
        // The gate is closed by the leader, between blocks only; a helper that comes late finds the
        // round's chunks claimed, or the gate closed: either way there is nothing to do.
        let Some(_pass) = self.shared.gate.enter() else {
            return;
        };
        while let Some(chunk) = claim(&self.chunks, &self.claimed) {
            let table = self.shared.table.load();
            if table.number() != self.generation {
                self.mixed.fetch_add(1, Ordering::Relaxed);
            }
            chunk.lock().run(&table, self.frame);
        }
    }
}

fn claim<'a>(chunks: &'a [SharedChunk], claimed: &AtomicUsize) -> Option<&'a SharedChunk> {
    chunks.get(claimed.fetch_add(1, Ordering::Relaxed))
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Job::Round(round) => write!(f, "Round of {} chunks", round.chunks.len()),
            Job::Visit(visit) => write!(f, "Visit of {} chunks", visit.chunks.len()),
        }
    }
}
