//! [`Quiesced`]: the proof that the gate is closed, and what may be done only then.

use crate::block::job::Each;
use crate::block::job::Helpers;
use crate::block::job::Job;
use crate::engines::chunk::Chunk;
use crate::executor::Executor;
use crate::gate::Closed;
use crate::generation::table::GenerationTable;
use crate::parameters::Parameters;
use crate::swap::acceptance::{Change, Unaccepted};
use crate::swap::commit_effects::CommitEffects;
use crate::swap::view::View;
use refit_abi::Height;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// No handler runs and none can start. Made only by closing the gate.
#[derive(Debug)]
pub struct Quiesced<'a> {
    pub(super) executor: &'a mut Executor,
    helpers: &'a Helpers,
    _closed: &'a Closed,
}

impl<'a> Quiesced<'a> {
    pub(crate) fn new(
        executor: &'a mut Executor,
        helpers: &'a Helpers,
        closed: &'a Closed,
    ) -> Self {
        Self {
            executor,
            helpers,
            _closed: closed,
        }
    }

    /// The update point: the last executed block.
    pub fn height(&self) -> Height {
        self.executor.height
    }

    /// The code that is live.
    pub fn table(&self) -> Arc<GenerationTable> {
        self.executor.table()
    }

    /// The node as it is, for many workers to look at. No task may look through it while
    /// something is changed.
    pub fn view(&self) -> View {
        View::new(self.executor)
    }

    /// Does `count` numbered tasks on all workers of the old crew; alone if there is but one.
    pub fn each(&mut self, count: usize, task: impl Fn(usize) + Send + Sync + 'static) {
        let job = Job::Each(Arc::new(Each {
            count,
            claimed: AtomicUsize::new(0),
            task: Box::new(task),
        }));
        self.helpers.run(&job, count <= 1);
    }

    /// Visits every chunk once, on all workers of the old crew, with the chunk's number.
    pub fn visit(&mut self, visitor: impl Fn(usize, &mut Chunk) + Send + Sync + 'static) {
        let chunks = self.executor.engines.chunks.clone();
        self.each(chunks.len(), move |number| {
            visitor(number, &mut chunks[number].write());
        });
    }

    /// The first message or timer that waits for a live engine of the kind and that the old code takes and the new
    /// does not.
    pub fn unaccepted(&self, change: Change<'_>) -> Option<Unaccepted> {
        self.executor.unaccepted(change)
    }

    /// Moves all such messages and timers to the dead letters; returns how many there were.
    pub fn bury_unaccepted(&mut self, change: Change<'_>) -> u64 {
        self.executor.bury_unaccepted(change)
    }

    /// From here on these parameters hold; before [`Quiesced::publish`], whose generation is granted what they say.
    pub fn set_parameters(&mut self, parameters: Parameters) {
        self.executor.set_parameters(parameters);
    }

    /// Carries out what the transitions did, after [`Quiesced::publish`]. Gives how many timers of the former lives of
    /// engines that start afresh were dropped.
    pub fn take_over(&mut self, commit_effects: CommitEffects) -> u64 {
        self.executor.take_over(commit_effects)
    }

    /// Publishes a generation: one pointer exchange. From here on every handler that runs is its code. Returns the
    /// table that was live: dropping it frees memory, which is no work for a pause.
    #[must_use = "what was live is to be dropped when the pause is over"]
    pub fn publish(&mut self, table: Arc<GenerationTable>) -> Arc<GenerationTable> {
        // It may have been made before the parameters changed.
        let table = table.granting(&self.executor.parameters.grants);
        let executor = &mut *self.executor;
        executor.settling.swept = 0;
        executor.settling.update_point = executor.height;
        executor.settling.table = table.is_pending().then(|| table.clone());
        executor.shared.publish(table)
    }

    /// The executor itself, to look at.
    pub fn executor(&self) -> &Executor {
        self.executor
    }
}
