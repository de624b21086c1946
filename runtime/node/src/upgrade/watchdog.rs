//! The watchdog of a pause: sees, from a thread that is not the crew's, that a transition does not
//! return; then the code goes into quarantine and whoever runs the node is called.

use super::Upgrades;
use super::point::Resumed;
use crate::looks::{Pace, Stay};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use refit_abi::Height;
use refit_admin::api::{QuarantineEntry, QuarantineState};
use refit_upgrade::{Armed, Plan, PlannedKind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// A pause that has lasted too long: what whoever runs the node is told, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckPause {
    /// The block before the pause.
    pub height: Height,
    /// BLAKE3 of the module files whose code was running, now in quarantine; of all that were coming in
    /// if that is not known.
    pub artifacts: Vec<String>,
    /// The engines whose transitions run.
    pub engines: Vec<String>,
    /// How long the pause had lasted, not counting time in which this process did not run.
    pub lasted: Duration,
    /// What the quarantine list says of it.
    pub entry: QuarantineEntry,
    /// Whether the list outlives the process: it was read back from the disk.
    pub is_recorded: bool,
}

/// What the crew in the pause and the watchdog tell each other.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    began: AtomicBool,
    height: AtomicU64,
    state: AtomicU8,
}

/// Nobody has decided yet.
const OPEN: u8 = 0;
/// The crew commits: the watchdog is too late.
const COMMITS: u8 = 1;
/// The watchdog has given the upgrade up: the crew must not commit.
const STUCK: u8 = 2;

impl Pause {
    pub(super) fn begin(&self) {
        self.began.store(true, Ordering::Release);
    }

    pub(super) fn at(&self, height: Height) {
        self.height.store(height.0, Ordering::Release);
    }

    /// Whether the gate has closed for it, ever.
    pub(super) fn has_begun(&self) -> bool {
        self.began.load(Ordering::Acquire)
    }

    /// Whether the watchdog has given the upgrade up.
    pub(super) fn is_stuck(&self) -> bool {
        self.state.load(Ordering::Acquire) == STUCK
    }

    /// The crew is about to commit; false if the watchdog has given the upgrade up.
    pub(super) fn commits(&self) -> bool {
        self.decide(COMMITS)
    }

    /// Gives the upgrade up; false if that was done before, or the crew commits.
    fn give_up(&self) -> bool {
        self.decide(STUCK)
    }

    fn decide(&self, state: u8) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let decided = self.state.compare_exchange(OPEN, state, success, failure);
        decided.is_ok()
    }

    /// What a look at it sees: whether it has begun.
    fn look(&self) -> Option<()> {
        self.began.load(Ordering::Acquire).then_some(())
    }
}

/// Waits for the end of the pause; raises the alarm once if it is not over in time.
pub(super) fn wait(
    upgrades: &Upgrades,
    plan: &Plan,
    (armed, pause): (&Armed, &Pause),
    resumed: &Receiver<Resumed>,
) -> Option<Resumed> {
    let pace = Pace::of(upgrades.policy.pause_limit);
    let mut stay = Stay::new();
    loop {
        match resumed.recv_timeout(pace.every()) {
            Ok(resumed) => return Some(resumed),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let looks = stay.look(pause.look());
        if pace.is_over(looks, 1) && pause.give_up() {
            alarm(upgrades, plan, armed, (pause, pace.lasted(looks)));
        }
    }
}

fn alarm(upgrades: &Upgrades, plan: &Plan, armed: &Armed, (pause, lasted): (&Pause, Duration)) {
    let engines = armed.under_way().engines();
    let engines: Vec<_> = engines.iter().map(ToString::to_string).collect();
    let height = Height(pause.height.load(Ordering::Acquire));
    let artifacts = culprits(plan, armed);
    let who = match engines.as_slice() {
        [] => "an unknown engine".to_owned(),
        engines => format!("engine {}", engines.join(", ")),
    };
    let reason = format!(
        "the transition of {who} did not return within {:.1} s",
        lasted.as_secs_f32()
    );
    tracing::error!(%height, "{reason}; the code goes into quarantine");
    let entry = QuarantineEntry {
        artifacts: artifacts.clone(),
        height: height.0,
        state: QuarantineState::Quarantined,
        code: "pause-stuck".to_owned(),
        reason,
    };
    record(upgrades, entry.clone());
    let stuck = StuckPause {
        height,
        artifacts,
        engines,
        lasted,
        is_recorded: upgrades.policy.quarantine.is_recorded(&entry),
        entry,
    };
    match &upgrades.policy.on_stuck {
        Some(call) => call(&stuck),
        None => tracing::error!("nothing restarts this node: the pause lasts until it returns"),
    }
}

/// Writes an entry into the quarantine list; a list that cannot be written is said so.
pub(super) fn record(upgrades: &Upgrades, entry: QuarantineEntry) {
    if let Err(error) = upgrades.policy.quarantine.add(entry) {
        tracing::error!(%error, "the quarantine does not outlive this process");
    }
}

/// BLAKE3 of the files whose code runs, of all that come in if it is not known which.
fn culprits(plan: &Plan, armed: &Armed) -> Vec<String> {
    let under_way: Vec<_> = armed.under_way().kinds();
    let runs = |planned: &PlannedKind| {
        let mut kinds = under_way.iter().filter_map(|kind| armed.table().get(*kind));
        kinds.any(|entry| entry.kind.descriptor().kind == planned.kind)
    };
    let modules = plan.modules.iter();
    let culprits: Vec<_> = modules
        .filter(|module| module.kinds.iter().any(runs))
        .map(|module| module.artifact.clone())
        .collect();
    match culprits.is_empty() {
        true => artifacts(plan),
        false => culprits,
    }
}

/// BLAKE3 of the files of a plan.
pub(super) fn artifacts(plan: &Plan) -> Vec<String> {
    let artifacts = plan.modules.iter().map(|module| module.artifact.clone());
    let mut artifacts: Vec<_> = artifacts.collect();
    artifacts.sort_unstable();
    artifacts
}
