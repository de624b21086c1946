//! Trials of roll-backs, one at a time.

use super::handle::Node;
use crate::probation::OnPanic;
use crate::recovery::Tried;
use crate::recovery::trial::Trial;
use crate::recovery::way_back;
use crate::rehearsal::RehearsalCommand;
use parking_lot::{Mutex, MutexGuard};
use refit_abi::{Height, codes};
use refit_admin::Refusal;
use std::path::PathBuf;

/// How trials are made.
#[derive(Debug)]
pub(crate) struct Trials {
    /// How, if at all.
    pub(crate) command: Option<RehearsalCommand>,
    /// Where each makes its copy.
    pub(crate) folder: PathBuf,
    pub(crate) on_panic: OnPanic,
    /// Held by one.
    pub(crate) trying: Mutex<()>,
}

impl Node {
    /// Tries what taking the generation back would come to.
    pub(crate) fn try_roll_back(&self, id: u64) -> Result<Tried, Refusal> {
        let Some(one) = self.trials.trying.try_lock() else {
            return Err(Refusal::new(
                409,
                codes::ROLLBACK_CHECK_UNDER_WAY,
                "a roll-back is being tried",
                "try again when it has ended",
            ));
        };
        self.upgrades.starts_again()?;
        self.tried(id, &one)
    }

    /// The same, by who holds the place.
    pub(super) fn tried(&self, id: u64, _one: &MutexGuard<'_, ()>) -> Result<Tried, Refusal> {
        let (on, archive) = self.on_probation(id)?;
        let Some(command) = &self.trials.command else {
            return Err(failed("the node is not configured to try it".to_owned()));
        };
        let size = |path: std::path::PathBuf| path.metadata().map_or(0, |file| file.len());
        let states: u64 = archive
            .checkpoints()
            .map_or(0, |kept| kept.into_iter().map(|kept| size(kept.path)).sum());
        // A copy of the log is made, and its part behind the upgrade comes once more.
        let log = 2 * way_back::log_bytes(Height(0), &*self.store);
        self.has_room_for(states + log)?;
        let trial = Trial {
            store: &*self.store,
            archive,
            on,
            told: self.probation.told(),
            folder: self.trials.folder.clone(),
        };
        trial.run(command).map_err(|error| {
            error
                .unhelped()
                .unwrap_or_else(|| failed(error.to_string()))
        })
    }
}

fn failed(detail: String) -> Refusal {
    let next = "see the node's log; a roll-back itself may do no better";
    Refusal::new(500, codes::ROLLBACK_CHECK_FAILED, detail, next)
}
