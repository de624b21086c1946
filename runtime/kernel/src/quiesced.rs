//! [`Quiesced`]: the proof that the gate is closed, and what may be done only then.

use crate::chunk::Chunk;
use crate::crew::Helpers;
use crate::executor::Executor;
use crate::gate::Closed;
use crate::round::{Job, Visit};
use crate::table::GenerationTable;
use refit_abi::{Generation, Height};
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

    /// Engines, stopped ones included.
    pub fn engines(&self) -> usize {
        self.executor.engines()
    }

    /// Visits every chunk once, on all workers of the old crew.
    pub fn visit(&mut self, visitor: impl Fn(&mut Chunk) + Send + Sync + 'static) {
        let job = Job::Visit(Arc::new(Visit {
            chunks: self.executor.chunks.clone(),
            claimed: AtomicUsize::new(0),
            visitor: Box::new(visitor),
        }));
        self.helpers.run(&job, self.executor.chunks.len() == 1);
    }

    /// Publishes a generation: one pointer store. From here on every handler that runs is its code.
    pub fn publish(&mut self, table: Arc<GenerationTable>) -> Generation {
        self.executor.swept = 0;
        self.executor.shared.publish(table)
    }

    /// The executor itself, to look at.
    pub fn executor(&self) -> &Executor {
        self.executor
    }
}
