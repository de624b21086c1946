//! [`Account`]: what one task uses of the counted budgets, and [`Spent`]: what all tasks have used.
//!
//! Tasks run in parallel and each counts for itself. A budget is spent where the sum over the tasks, in
//! their order, first exceeds it: the leader finds that task when all have ended, so the verdict does not
//! depend on who was faster. Meanwhile the tasks tell each other roughly what they use, so that none
//! begins after the budgets are gone: what is kept in memory is bounded by the budget once for all tasks
//! that have ended and once for each worker.

use crate::budget::{Budget, BusBudget};
use refit_abi::EngineId;
use refit_kernel::{Started, WantedChild};
use std::ops::{AddAssign, Sub};
use std::sync::atomic::{AtomicU64, Ordering};

/// Messages of a task that are reported to the other tasks together: a shared counter for each would cost as much as
/// the message.
const UNTOLD_MESSAGES_MAX: u64 = 64;

/// Bytes that are reported together.
const UNTOLD_BYTES_MAX: u64 = 64 << 10;

/// Amounts of the budgets that tasks use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) engines: u64,
}

/// The budget and the usage of one task.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The task's place in its stage or round.
    pub(crate) task: usize,
    pub(crate) used: Used,
    /// The engines that used something, in order.
    marks: Vec<Mark>,
    /// The budget that was left when the stage or round began.
    left: Used,
    told: Used,
    /// From this usage on the other tasks must get a report.
    due: Used,
}

/// From here on an engine has used something.
#[derive(Clone, Copy, Debug)]
struct Mark {
    engine: EngineId,
    /// The task's usage until then.
    before: Used,
}

/// A budget that is used up, and the engine that did it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exhausted {
    pub(crate) engine: EngineId,
    pub(crate) budget: Budget,
}

/// A task's report of its usage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// What it has not reported before.
    pub(crate) untold: Used,
    /// Set if this task alone has used more than there was.
    pub(crate) exhausted: Option<Exhausted>,
}

/// The usage that all tasks have reported.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    messages: AtomicU64,
    bytes: AtomicU64,
    engines: AtomicU64,
}

impl Used {
    /// The usage of an `init`, beside the engines that it wants started.
    pub(crate) fn asked(started: &Started, wanted: &[WantedChild]) -> Self {
        let asked = started.asked();
        let configs = wanted.iter().map(|child| child.config.len() as u64);
        Self {
            messages: asked.messages,
            bytes: asked.bytes.saturating_sub(configs.sum()),
            engines: 0,
        }
    }

    /// The first budget that exceeds `most`.
    pub(crate) fn over(&self, most: &Used) -> Option<Budget> {
        let pairs = [
            (self.messages, most.messages, Budget::Messages),
            (self.bytes, most.bytes, Budget::Bytes),
            (self.engines, most.engines, Budget::Engines),
        ];
        let over = pairs.into_iter().find(|(used, most, _)| used > most);
        over.map(|(_, _, what)| what)
    }
}

impl From<&BusBudget> for Used {
    fn from(budget: &BusBudget) -> Self {
        Self {
            messages: budget.messages,
            bytes: budget.bytes,
            engines: budget.engines,
        }
    }
}

impl AddAssign for Used {
    fn add_assign(&mut self, more: Used) {
        self.messages = self.messages.saturating_add(more.messages);
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.engines = self.engines.saturating_add(more.engines);
    }
}

impl Sub for Used {
    type Output = Used;

    fn sub(self, less: Used) -> Used {
        Used {
            messages: self.messages.saturating_sub(less.messages),
            bytes: self.bytes.saturating_sub(less.bytes),
            engines: self.engines.saturating_sub(less.engines),
        }
    }
}

impl Account {
    /// Begins anew, for a task that begins.
    pub(crate) fn open(&mut self, task: usize, left: Used) {
        self.close(task);
        self.left = left;
        self.set_due();
    }

    /// An account of nothing, for a task that does not begin.
    pub(crate) fn close(&mut self, task: usize) {
        let mut marks = std::mem::take(&mut self.marks);
        marks.clear();
        *self = Self {
            task,
            marks,
            ..Self::default()
        };
    }

    /// The engine with whose use the sum, `before` and this, came over `most`, and which budget it was.
    pub(crate) fn crossed(&self, before: Used, most: &Used) -> Option<Exhausted> {
        // One engine's use ends where the next one's begins.
        let ends = self.marks.iter().skip(1).map(|mark| mark.before);
        let engines = self.marks.iter().map(|mark| mark.engine);
        let mut uses = engines.zip(ends.chain([self.used]));
        uses.find_map(|(engine, used)| {
            let mut sum = before;
            sum += used;
            let budget = sum.over(most)?;
            Some(Exhausted { engine, budget })
        })
    }

    /// Uses some more; returns whether it is time to report it.
    #[inline]
    pub(crate) fn charge(&mut self, engine: EngineId, more: Used) -> bool {
        if self.marks.last().is_none_or(|last| last.engine != engine) {
            let before = self.used;
            self.marks.push(Mark { engine, before });
        }
        self.used += more;
        let (used, due) = (&self.used, &self.due);
        // Reported in steps and not each time: the sum is one cache line that all threads write.
        used.messages >= due.messages || used.bytes >= due.bytes || used.engines >= due.engines
    }

    /// Reports the usage.
    pub(crate) fn tell(&mut self) -> Usage {
        let untold = self.used - self.told;
        self.told = self.used;
        self.set_due();
        let over = self.used.over(&self.left);
        Usage {
            untold,
            exhausted: over.and_then(|_| self.crossed(Used::default(), &self.left)),
        }
    }

    fn set_due(&mut self) {
        let soon = |told: u64, untold_max: u64, left: u64| {
            told.saturating_add(untold_max).min(left.saturating_add(1))
        };
        self.due = Used {
            messages: soon(self.told.messages, UNTOLD_MESSAGES_MAX, self.left.messages),
            bytes: soon(self.told.bytes, UNTOLD_BYTES_MAX, self.left.bytes),
            engines: soon(self.told.engines, 1, self.left.engines),
        };
    }
}

impl Spent {
    /// Adds a task's report; returns the sum.
    pub(crate) fn add(&self, more: Used) -> Used {
        let add = |spent: &AtomicU64, more| match more {
            0 => spent.load(Ordering::SeqCst),
            more => spent.fetch_add(more, Ordering::SeqCst) + more,
        };
        Used {
            messages: add(&self.messages, more.messages),
            bytes: add(&self.bytes, more.bytes),
            engines: add(&self.engines, more.engines),
        }
    }
}
