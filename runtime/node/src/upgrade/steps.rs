//! [`Steps`]: the phases before the pause that are done, and who may stop the upgrade between two of them.

use super::refused::{UpgradeRefused, not_cancelled, refused};
use super::shown;
use crate::micros::micros;
use crate::pause::Recall;
use parking_lot::Mutex;
use refit_abi::codes;
use refit_admin::api::PhaseTime;
use refit_upgrade::{Phase, Unwatched, Watch};
use std::sync::Arc;
use std::time::Instant;

/// The phases of one upgrade before its pause.
pub(super) struct Steps {
    /// The operator's, which may withdraw the upgrade.
    watch: Arc<Mutex<dyn Watch>>,
    recall: Arc<Recall>,
    /// With their times in microseconds.
    pub(super) done: Vec<PhaseTime>,
}

impl Steps {
    pub(super) fn new(watch: Arc<Mutex<dyn Watch>>, recall: Arc<Recall>) -> Self {
        Self {
            watch,
            recall,
            done: Vec::new(),
        }
    }

    /// Of what only seems to be an upgrade: it ends early once `recall` says so, and nobody else stops it.
    pub(super) fn unwatched(recall: Arc<Recall>) -> Self {
        Self::new(Arc::new(Mutex::new(Unwatched)), recall)
    }

    /// Looks in the middle of a phase, whose parts may be many and long.
    ///
    /// # Errors
    /// That it was taken back meanwhile.
    pub(super) fn goes_on(&self, phase: Phase) -> Result<(), UpgradeRefused> {
        not_cancelled(&self.recall, shown::phase(phase))
    }

    /// Notes that a phase that began at `start` is done.
    ///
    /// # Errors
    /// That the upgrade was taken back meanwhile, or is withdrawn now.
    pub(super) fn reached(&mut self, phase: Phase, start: Instant) -> Result<(), UpgradeRefused> {
        let shown = shown::phase(phase);
        not_cancelled(&self.recall, shown)?;
        let us = micros(start.elapsed());
        self.watch.lock().reached(phase).map_err(|withdrawn| {
            refused(
                shown,
                codes::WITHDRAWN,
                &withdrawn,
                "apply the plan again when ready",
            )
        })?;
        self.done.push(PhaseTime { phase: shown, us });
        Ok(())
    }
}
