//! Trials of roll-backs, one at a time; and the thread that acts on a panic while a generation is on probation.

use super::handle::Node;
use super::probation::TakenBack;
use crate::probation::{Alarm, OnPanic};
use crate::recovery::Tried;
use crate::recovery::trial::Trial;
use crate::recovery::way_back;
use crate::rehearsal::RehearsalCommand;
use crossbeam_channel::Receiver;
use parking_lot::{Mutex, MutexGuard};
use refit_abi::{Height, codes};
use refit_admin::Refusal;
use refit_ordering::BlockRefused;
use std::io;
use std::path::PathBuf;
use std::sync::Weak;

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
        self.tried(id, &one)
    }

    /// The same, by who holds the place.
    fn tried(&self, id: u64, _one: &MutexGuard<'_, ()>) -> Result<Tried, Refusal> {
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
        trial
            .run(command)
            .map_err(|error| failed(error.to_string()))
    }

    /// After a start: engines that panicked on probation before it, and about which nothing was decided.
    pub(crate) fn alarm_again(&self) {
        if !self.probation.is_on() {
            return;
        }
        let Ok(status) = self.look() else {
            return;
        };
        let poisoned = status.poisoned.iter();
        for engine in poisoned.filter_map(|poison| poison.engine.parse().ok()) {
            let height = status.height;
            self.probation
                .alarm(self.trials.on_panic == OnPanic::RollBack);
            // Those that find no room say no more than those before them.
            let _ = self.alarms.try_send(Alarm { engine, height });
        }
    }

    /// Does what the policy says of a panic on probation.
    fn alarmed(&self, alarm: Alarm) {
        if !self.probation.is_on() || self.probation.is_ordered() {
            return;
        }
        let Alarm { engine, height } = alarm;
        match self.trials.on_panic {
            OnPanic::Poison => {}
            OnPanic::Halt => self
                .standing
                .halts(BlockRefused::OnProbation { height, engine }),
            OnPanic::RollBack => {
                self.take_back_for(alarm);
                self.probation.alarm(false);
            }
        }
    }

    fn take_back_for(&self, Alarm { engine, height }: Alarm) {
        // An operator's trial goes first, and is waited for.
        let one = self.trials.trying.lock();
        let tried = match self.tried(0, &one) {
            Ok(tried) => tried,
            Err(refusal) => {
                let why = &refusal.why.detail;
                tracing::error!(%engine, %height, "the engine panicked on probation, and the node is not rolled back: {why}");
                return;
            }
        };
        if tried.poisoned.contains(&engine.to_string()) {
            tracing::warn!(
                %engine, %height,
                "the engine panicked on probation; the code of before panics there too, so the generation is not taken back"
            );
            return;
        }
        let why = TakenBack {
            code: codes::PROBATION_PANIC,
            detail: format!(
                "engine `{engine}` panicked in block {height}, and the code of before does not"
            ),
        };
        if let Err(refusal) = self.take_back(0, &why) {
            let why = &refusal.why.detail;
            tracing::error!(%engine, %height, "the node is not rolled back: {why}");
        }
    }
}

fn failed(detail: String) -> Refusal {
    let next = "see the node's log; a roll-back itself may do no better";
    Refusal::new(500, codes::ROLLBACK_CHECK_FAILED, detail, next)
}

/// Starts the thread that acts on panics. It ends when its driver does.
///
/// # Errors
/// When the system starts no more threads.
pub(crate) fn watch(node: Weak<Node>, alarms: Receiver<Alarm>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("refit-probation".to_owned());
    let watch = move || {
        for alarm in alarms {
            let Some(node) = node.upgrade() else {
                return;
            };
            node.alarmed(alarm);
        }
    };
    thread.spawn(watch).map(drop)
}
