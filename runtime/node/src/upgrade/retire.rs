//! The end of an upgrade: the crew that ran its pause is joined, and the code that is not live is unmapped.

use super::attempt::Attempt;
use crate::limits::RETIRE_WAIT_MAX;
use crate::micros::micros;
use refit_admin::api::UpgradeState;
use refit_kernel::{Executor, replaced};
use refit_loader::{Loader, PinReason};
use refit_upgrade::Phase;
use std::time::{Duration, Instant};

/// Between two looks at whether the old code can go.
const RETIRE_POLL: Duration = Duration::from_millis(1);

/// Longest wait for a handle that a look at the node held when old code was retired.
const HANDLE_WAIT_MAX: Duration = Duration::from_secs(1);

impl Attempt {
    /// Waits until no state of the old code's making is left, then unmaps it. The crew that could have entered it was
    /// joined.
    pub(super) fn retire_old(&self, start: Instant) {
        let upgrades = &self.upgrades;
        let mut settled = None;
        while start.elapsed() < RETIRE_WAIT_MAX {
            // The table and the replaced states in one look: a sweep that ended between two would leave states
            // behind.
            let look = |executor: &mut Executor| {
                (!executor.is_sweeping()).then(|| (executor.table(), executor.take_replaced()))
            };
            match upgrades.duty.ask(look, RETIRE_WAIT_MAX) {
                Ok(Some(found)) => {
                    settled = Some(found);
                    break;
                }
                Ok(None) => std::thread::sleep(RETIRE_POLL),
                Err(_) => break,
            }
        }
        let pinned = match settled {
            Some((table, replaced)) => {
                if let Err(error) = replaced::discard(replaced) {
                    tracing::warn!(%error, "cannot start a thread to drop replaced states: they are leaked");
                }
                let pinned = upgrades.state.lock().libraries.retire_unused(&table);
                swept(&upgrades.loader, pinned)
            }
            None => vec!["the states are still being settled; the old code is kept".to_owned()],
        };
        self.finish(start, pinned);
    }

    /// The last phase, into the report.
    pub(super) fn finish(&self, start: Instant, pinned: Vec<String>) {
        let (upgrades, id) = (&self.upgrades, self.id);
        // The upgrade has ended either way: a watch has no say.
        let _ = upgrades.watch.lock().reached(Phase::Retired);
        for reason in &pinned {
            tracing::warn!(id, "a library stays mapped: {reason}");
        }
        crate::log::leaks::tell();
        // The registry and the report change together, for whoever asks meanwhile.
        let mut state = upgrades.state.lock();
        let old = state
            .reports
            .get(id)
            .filter(|report| report.state == UpgradeState::Committed);
        if let Some(report) = old {
            state.registry.retire(report.from, pinned.first().cloned());
        }
        state.reports.update(id, |report| {
            report.retired = pinned.is_empty();
            report.pinned = pinned;
        });
        state.reports.retired(id, micros(start.elapsed()));
    }
}

/// The modules of `pinned` that stay mapped: a status request holds the table for a moment, and modules that only it
/// keeps go as soon as it is done.
fn swept(loader: &Loader, pinned: Vec<String>) -> Vec<String> {
    if pinned.is_empty() {
        return pinned;
    }
    let start = Instant::now();
    let is_held = || {
        let reasons = loader.pinned().into_iter().map(|library| library.reason);
        reasons.into_iter().any(|reason| reason == PinReason::InUse)
    };
    while is_held() && start.elapsed() < HANDLE_WAIT_MAX {
        std::thread::sleep(RETIRE_POLL);
        loader.sweep();
    }
    let still = loader.pinned();
    let is_still = |told: &String| still.iter().any(|library| told.starts_with(&library.name));
    pinned.into_iter().filter(is_still).collect()
}
