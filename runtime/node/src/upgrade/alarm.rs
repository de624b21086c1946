//! A pause is stuck: its code goes into quarantine, and whoever runs the node is called.

use super::Upgrades;
use crate::pause::watchdog::{Pause, StuckPause};
use refit_admin::api::{QuarantineEntry, QuarantineState};
use refit_upgrade::{Armed, Plan, PlannedKind};
use std::time::Duration;

pub(super) fn alarm(
    upgrades: &Upgrades,
    plan: &Plan,
    armed: &Armed,
    pause: &Pause,
    lasted: Duration,
) {
    let engines = armed.under_way().engines();
    let engines: Vec<_> = engines.iter().map(ToString::to_string).collect();
    let height = pause.height();
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
