//! [`Quiesced`]: the proof that the gate is closed, and what may be done only then.

use crate::aftermath::Aftermath;
use crate::chunk::Chunk;
use crate::crew::Helpers;
use crate::executor::Executor;
use crate::gate::Closed;
use crate::queued::{Change, Unaccepted};
use crate::round::{Each, Job};
use crate::table::{GenerationTable, KindIndex};
use crate::view::View;
use refit_abi::Height;
use refit_abi::descriptor::KindDescriptor;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// No handler runs and none can start. Made only by closing the gate.
#[derive(Debug)]
pub struct Quiesced<'a> {
    executor: &'a mut Executor,
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
        let chunks = self.executor.chunks.clone();
        self.each(chunks.len(), move |number| {
            visitor(number, &mut chunks[number].write());
        });
    }

    /// The first message or timer that waits for a live engine of kind `kind` and that `old` takes and
    /// `new` does not.
    pub fn unaccepted(
        &self,
        kind: KindIndex,
        (old, new): (&KindDescriptor, &KindDescriptor),
    ) -> Option<Unaccepted> {
        self.executor.unaccepted(Change { kind, old, new })
    }

    /// Moves all such messages and timers to the dead letters; gives how many there were.
    pub fn bury_unaccepted(
        &mut self,
        kind: KindIndex,
        (old, new): (&KindDescriptor, &KindDescriptor),
    ) -> u64 {
        self.executor.bury_unaccepted(Change { kind, old, new })
    }

    /// Carries out what the transitions did, after [`Quiesced::publish`].
    pub fn take_over(&mut self, aftermath: Aftermath) {
        self.executor.take_over(aftermath);
    }

    /// Publishes a generation: one pointer exchange. From here on every handler that runs is its code.
    /// Gives the table that was live: to let go of it frees memory, which is no work for a pause.
    #[must_use = "what was live is to be dropped when the pause is over"]
    pub fn publish(&mut self, table: Arc<GenerationTable>) -> Arc<GenerationTable> {
        // It may have been made before the parameters changed.
        let table = table.granting(&self.executor.parameters.grants);
        self.executor.swept = 0;
        self.executor.shared.publish(table)
    }

    /// The executor itself, to look at.
    pub fn executor(&self) -> &Executor {
        self.executor
    }
}
