//! [`Shared`]: what all transitions of one upgrade share.

use super::budget::Budget;
use super::{BusBudget, Residents, Spent, Unpaid};
use crate::phase::Failure;
use crate::under_way::UnderWay;
use parking_lot::{Mutex, RwLock};
use refit_abi::{EngineId, Height};
use refit_kernel::{GenerationTable, View};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What all transitions of one upgrade share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The old generation, frozen.
    pub(crate) view: View,
    /// The new one's code.
    pub(crate) table: Arc<GenerationTable>,
    /// Read by transitions and handlers, changed by the leader between stages and rounds.
    pub(crate) residents: RwLock<Residents>,
    /// Whose code runs, for whoever looks on.
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) spent: Spent,
    cancelled: AtomicBool,
    /// Of the failures that were seen before the cancellation took hold, the one of the least id.
    failure: Mutex<Option<(EngineId, Failure)>>,
}

impl Shared {
    pub(crate) fn new(
        view: View,
        (table, under_way): (Arc<GenerationTable>, Arc<UnderWay>),
        budget: BusBudget,
    ) -> Self {
        Self {
            view,
            table,
            under_way,
            residents: RwLock::new(Residents::default()),
            spent: Spent::new(budget),
            cancelled: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    pub(crate) fn height(&self) -> Height {
        self.view.frame().height
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Cancels the upgrade because of `engine`.
    pub(crate) fn fail(&self, engine: EngineId, failure: Failure) {
        self.cancelled.store(true, Ordering::Release);
        let mut first = self.failure.lock();
        if first.as_ref().is_none_or(|(other, _)| engine < *other) {
            *first = Some((engine, failure));
        }
    }

    /// Takes what was sent from the budgets; false if one of them is spent.
    pub(crate) fn pay(&self, unpaid: &mut Unpaid) -> bool {
        let Unpaid {
            engine,
            messages,
            bytes,
        } = std::mem::take(unpaid);
        engine.is_none_or(|engine| {
            self.take(engine, Budget::Messages, messages) && self.take(engine, Budget::Bytes, bytes)
        })
    }

    /// Uses a budget; one that is spent cancels the upgrade.
    pub(crate) fn take(&self, engine: EngineId, what: Budget, count: u64) -> bool {
        let fits = self.spent.take(what, count);
        if !fits {
            let most = self.spent.most(what);
            self.fail(engine, Failure::Budget { engine, what, most });
        }
        fits
    }

    pub(crate) fn take_failure(&self) -> Option<Failure> {
        self.failure.lock().take().map(|(_, failure)| failure)
    }
}
