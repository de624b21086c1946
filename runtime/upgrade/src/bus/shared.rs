//! [`Shared`]: what all transitions of one upgrade share.

use super::Residents;
use super::account::{Account, Exhausted, Spent, Usage, Used};
use crate::budget::{Budget, BusBudget};
use crate::phase::Failure;
use crate::under_way::UnderWay;
use parking_lot::{Mutex, RwLock};
use refit_abi::{EngineId, Height};
use refit_kernel::{GenerationTable, View};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Above every task's number.
const NONE: usize = usize::MAX;

/// The state that all transitions of one upgrade share.
///
/// Of several failures in one stage or round, that of the lowest task counts, and within a task the
/// first. So a failure cancels only the tasks after it; those before go on, and may fail themselves.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The old generation, frozen.
    pub(crate) view: View,
    /// The new one's code.
    pub(crate) table: Arc<GenerationTable>,
    /// Read by transitions and handlers, changed by the leader between stages and rounds.
    pub(crate) residents: RwLock<Residents>,
    /// The engines whose code runs, for watchers.
    pub(crate) under_way: Arc<UnderWay>,
    budget: BusBudget,
    spent: Spent,
    before: Mutex<Before>,
    /// The highest task that has begun.
    begun: AtomicUsize,
    /// The last task that may begin: the budgets are used up by those until there.
    last: AtomicUsize,
    /// The lowest task that failed; no later one goes on.
    failed: AtomicUsize,
    /// The failure of that task.
    failure: Mutex<Option<Failed>>,
}

/// All that came before this stage or round.
#[derive(Debug, Default)]
struct Before {
    used: Used,
    rounds: u64,
}

/// The failure that counts so far.
#[derive(Debug)]
struct Failed {
    task: usize,
    failure: Failure,
}

impl Shared {
    pub(crate) fn new(
        view: View,
        table: Arc<GenerationTable>,
        under_way: Arc<UnderWay>,
        mut budget: BusBudget,
    ) -> Self {
        // As many as the node has room for: the commit cannot fail for want of it.
        budget.engines = budget.engines.min(view.room() as u64);
        Self {
            view,
            table,
            under_way,
            residents: RwLock::new(Residents::default()),
            budget,
            spent: Spent::default(),
            before: Mutex::default(),
            begun: AtomicUsize::new(0),
            last: AtomicUsize::new(NONE),
            failed: AtomicUsize::new(NONE),
            failure: Mutex::new(None),
        }
    }

    pub(crate) fn height(&self) -> Height {
        self.view.frame().height
    }

    /// Whether something failed: no further stage or round begins.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.failed.load(Ordering::Acquire) != NONE
    }

    /// Whether this task should end: it failed, or one before it did.
    pub(crate) fn is_over(&self, task: usize) -> bool {
        self.failed.load(Ordering::Acquire) <= task
    }

    /// Whether a task before this one failed.
    pub(crate) fn is_after_failure(&self, task: usize) -> bool {
        self.failed.load(Ordering::Acquire) < task
    }

    /// A task begins, with a fresh account; false if it should not.
    pub(crate) fn begin(&self, task: usize, account: &mut Account) -> bool {
        self.begun.fetch_max(task, Ordering::SeqCst);
        if self.is_over(task) || task > self.last.load(Ordering::SeqCst) {
            account.close(task);
            return false;
        }
        let before = self.before.lock().used;
        account.open(task, Used::from(&self.budget) - before);
        true
    }

    /// A task failed.
    pub(crate) fn fail(&self, task: usize, failure: Failure) {
        let mut first = self.failure.lock();
        if first.as_ref().is_none_or(|other| task < other.task) {
            *first = Some(Failed { task, failure });
        }
        self.failed.fetch_min(task, Ordering::AcqRel);
    }

    /// Something failed between two stages or rounds; what failed before counts.
    pub(crate) fn fail_between(&self, failure: Failure) {
        self.failed.store(0, Ordering::Release);
        let mut first = self.failure.lock();
        if first.is_none() {
            *first = Some(Failed { task: 0, failure });
        }
    }

    /// A task used some more; false if that alone is more than there was.
    #[inline]
    pub(crate) fn charge(&self, account: &mut Account, engine: EngineId, more: Used) -> bool {
        !account.charge(engine, more) || self.tell(account)
    }

    /// Tells the others what a task used; false if that alone is more than there was.
    #[cold]
    pub(crate) fn tell(&self, account: &mut Account) -> bool {
        let Usage { untold, exhausted } = account.tell();
        if let Some(Exhausted { engine, budget }) = exhausted {
            self.fail(account.task, self.spent_by(engine, budget));
            return false;
        }
        if self
            .spent
            .add(untold)
            .over(&(&self.budget).into())
            .is_some()
        {
            // All that was added is of tasks that had begun.
            let begun = self.begun.load(Ordering::SeqCst);
            self.last.fetch_min(begun, Ordering::SeqCst);
        }
        true
    }

    /// All tasks of a stage or round have ended; these are their accounts, in order.
    pub(crate) fn settle<'a>(&self, accounts: impl Iterator<Item = &'a Account>) {
        let mut before = self.before.lock();
        let most = Used::from(&self.budget);
        for account in accounts {
            if let Some(Exhausted { engine, budget }) = account.crossed(before.used, &most) {
                // A task that failed for another reason than its budget had used that much before.
                self.fail_first(account.task, self.spent_by(engine, budget));
                break;
            }
            before.used += account.used;
        }
        self.begun.store(0, Ordering::SeqCst);
        self.last.store(NONE, Ordering::SeqCst);
    }

    /// A task is found to have failed before whatever else is known of it.
    pub(crate) fn fail_first(&self, task: usize, failure: Failure) {
        let mut first = self.failure.lock();
        if first.as_ref().is_none_or(|other| task <= other.task) {
            *first = Some(Failed { task, failure });
        }
        self.failed.fetch_min(task, Ordering::AcqRel);
    }

    /// One more round, which begins with `engine`; false if that is one too many.
    pub(crate) fn count_round(&self, engine: EngineId) -> bool {
        let rounds = &mut self.before.lock().rounds;
        *rounds += 1;
        let fits = *rounds <= self.budget.rounds;
        if !fits {
            self.fail_between(self.spent_by(engine, Budget::Rounds));
        }
        fits
    }

    fn spent_by(&self, engine: EngineId, what: Budget) -> Failure {
        let most = self.budget.most(what);
        Failure::Budget { engine, what, most }
    }

    pub(crate) fn take_failure(&self) -> Option<Failure> {
        self.failure.lock().take().map(|failed| failed.failure)
    }
}
