//! The watchdog of a pause: sees, from a thread that is not the crew's, that a transition does not
//! return; then the code goes into quarantine and whoever runs the node is called.

use super::Upgrades;
use super::point::Resumed;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use refit_abi::Height;
use refit_admin::api::{QuarantineEntry, QuarantineState};
use refit_upgrade::{Armed, Plan};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shortest and longest time between two looks at the pause.
const LOOK: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// A pause that has lasted too long: what whoever runs the node is told, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckPause {
    /// The block before the pause.
    pub height: Height,
    /// BLAKE3 of the module files that were coming in, now in quarantine.
    pub artifacts: Vec<String>,
    /// The engines whose transitions run.
    pub engines: Vec<String>,
    /// How long the pause had lasted.
    pub lasted: Duration,
}

/// What the crew in the pause and the watchdog tell each other.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    began: OnceLock<Instant>,
    height: AtomicU64,
    stuck: AtomicBool,
}

impl Pause {
    pub(super) fn begin(&self) {
        let _ = self.began.set(Instant::now());
    }

    pub(super) fn at(&self, height: Height) {
        self.height.store(height.0, Ordering::Release);
    }

    /// Whether the watchdog has given the upgrade up: it must not commit any more.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Acquire)
    }

    fn lasts(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, Instant::elapsed)
    }
}

/// Waits for the end of the pause; raises the alarm once if it is not over in time.
pub(super) fn wait(
    upgrades: &Upgrades,
    plan: &Plan,
    (armed, pause): (&Armed, &Pause),
    resumed: &Receiver<Resumed>,
) -> Option<Resumed> {
    let limit = upgrades.policy.pause_limit;
    let look = (limit / 4).clamp(LOOK.0, LOOK.1);
    loop {
        match resumed.recv_timeout(look) {
            Ok(resumed) => return Some(resumed),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if pause.lasts() > limit && !pause.stuck.swap(true, Ordering::AcqRel) {
            alarm(upgrades, plan, armed, pause);
        }
    }
}

fn alarm(upgrades: &Upgrades, plan: &Plan, armed: &Armed, pause: &Pause) {
    let engines = armed.under_way().engines();
    let stuck = StuckPause {
        height: Height(pause.height.load(Ordering::Acquire)),
        artifacts: artifacts(plan),
        engines: engines.iter().map(ToString::to_string).collect(),
        lasted: pause.lasts(),
    };
    let who = match stuck.engines.as_slice() {
        [] => "an unknown engine".to_owned(),
        engines => format!("engine {}", engines.join(", ")),
    };
    let reason = format!(
        "the transition of {who} did not return within {:.1} s",
        stuck.lasted.as_secs_f32()
    );
    tracing::error!(height = %stuck.height, "{reason}; the code goes into quarantine");
    let entry = QuarantineEntry {
        artifacts: stuck.artifacts.clone(),
        height: stuck.height.0,
        state: QuarantineState::Quarantined,
        code: "pause-stuck".to_owned(),
        reason,
    };
    record(upgrades, entry);
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

/// BLAKE3 of the files of a plan.
pub(super) fn artifacts(plan: &Plan) -> Vec<String> {
    let artifacts = plan.modules.iter().map(|module| module.artifact.clone());
    artifacts.collect()
}
