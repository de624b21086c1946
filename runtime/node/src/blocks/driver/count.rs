//! [`Count`]: the engines of each kind, as the metrics show them.
//!
//! To count them is to look at each. So it is done when they may have changed: at once where one was poisoned or an
//! operator did something, and at most once in [`COUNT_EVERY`] where engines start and stop, as they may in every block.

use super::Driver;
use refit_kernel::{BlockOutcome, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shortest time between two counts because engines have started or stopped.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What is known of the engines that were counted.
#[derive(Debug)]
pub(super) struct Count {
    /// How many there were after the newest block.
    engines: usize,
    due: Due,
    /// When they were counted last.
    counted: Option<Instant>,
}

/// When they are counted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// When they have changed.
    Later,
    /// As soon as the last count is [`COUNT_EVERY`] old.
    Soon,
    /// After the next block.
    Now,
}

impl Count {
    /// Nothing was counted yet.
    pub(super) fn new() -> Self {
        Self {
            engines: 0,
            due: Due::Now,
            counted: None,
        }
    }

    /// The next block shows other engines, or other states of them.
    pub(super) fn is_due(&mut self) {
        self.due = Due::Now;
    }

    /// A block has been executed.
    fn note(&mut self, outcome: &BlockOutcome) {
        let is_other = outcome.engines != self.engines || outcome.stats.spawned > 0;
        self.engines = outcome.engines;
        if outcome.stats.poisoned > 0 || !outcome.ordered.is_empty() {
            self.due = Due::Now;
        } else if is_other && self.due == Due::Later {
            self.due = Due::Soon;
        }
    }

    /// Whether the last count is old enough for another.
    fn is_soon(&self) -> bool {
        let is_old = |counted: Instant| counted.elapsed() >= COUNT_EVERY;
        self.due == Due::Soon && self.counted.is_none_or(is_old)
    }
}

impl Driver {
    /// A block has been executed: counts the engines if that may show something else.
    pub(super) fn count_after(&mut self, outcome: &BlockOutcome) {
        self.count.note(outcome);
        if self.count.due == Due::Now || self.count.is_soon() {
            self.count_engines();
        }
    }

    /// Counts the engines that blocks before have started or stopped, also if no other block comes.
    pub(super) fn count_soon(&mut self) {
        if self.count.is_soon() {
            self.count_engines();
        }
    }

    fn count_engines(&mut self) {
        (self.count.due, self.count.counted) = (Due::Later, Some(Instant::now()));
        let metrics = Arc::clone(&self.parts.metrics);
        let count = move |executor: &mut Executor| {
            let table = executor.table();
            for ((_, entry), count) in table.iter().zip(executor.kind_counts()) {
                metrics.set_engines(&entry.kind.descriptor().kind, count.serving, count.poisoned);
            }
        };
        // Without a crew there is nothing to count.
        let _ = self.parts.duty.call(count);
    }
}
