//! Records how an upgrade ended at its update point: in its report, the log and the quarantine list.

use super::attempt::Attempt;
use super::shown;
use crate::micros::micros;
use crate::pause::Resumed;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::Outcome;
use refit_admin::api::{
    self, PhaseTime, QuarantineEntry, QuarantineState, Reason, UpgradeReport, UpgradeState,
    UpgradedKind,
};
use refit_upgrade::{Failure, Verdict};
use std::time::Instant;

impl Attempt {
    /// Writes the outcome and the times of the pause into the report. The upgrade waited since `waits`.
    pub(super) fn report(&self, resumed: &Resumed, waits: Instant) {
        let times = resumed.times;
        let pause = times.resumed.duration_since(times.closing);
        let steps = [
            (
                api::Phase::Quiesced,
                times.quiesced.duration_since(times.closing),
            ),
            (
                api::Phase::Transitioned,
                times.transitioned.duration_since(times.quiesced),
            ),
            (
                api::Phase::Committed,
                times.committed.duration_since(times.transitioned),
            ),
            (
                api::Phase::Resumed,
                times.resumed.duration_since(times.committed),
            ),
        ];
        let outcome = match &resumed.verdict {
            Some(Verdict::Committed(_)) => Outcome::Committed,
            _ => Outcome::Aborted,
        };
        self.upgrades.metrics.count_upgrade(outcome, Some(pause));
        let mut state = self.upgrades.state.lock();
        if let Some(Verdict::Committed(generation)) = &resumed.verdict {
            state.registry.publish(*generation, resumed.height);
        }
        state.reports.update(self.id, |report| {
            report.height = Some(resumed.height);
            report.wait_us = micros(times.sweeping.saturating_duration_since(waits));
            report.pause_us = micros(pause);
            report.phases.extend(steps.map(|(phase, time)| PhaseTime {
                phase,
                us: micros(time),
            }));
            match &resumed.verdict {
                Some(Verdict::Committed(generation)) => {
                    report.state = UpgradeState::Committed;
                    report.to = *generation;
                }
                Some(Verdict::Aborted { phase, failure }) => {
                    report.state = UpgradeState::Aborted;
                    report
                        .phases
                        .retain(|step| step.phase != api::Phase::Committed);
                    report.reason = Some(Reason::of(shown::phase(*phase), failure));
                }
                None => report.state = UpgradeState::Aborted,
            }
        });
    }

    /// An upgrade that was aborted by its own failure is on record; one whose pause was stuck is in
    /// quarantine already, and its report says so.
    pub(super) fn note_failure(&self, resumed: &Resumed, stuck: bool) {
        let Some(Verdict::Aborted { failure, .. }) = &resumed.verdict else {
            return;
        };
        if stuck {
            self.update(|report| {
                if let Some(reason) = &mut report.reason {
                    reason.code = codes::PAUSE_STUCK.to_owned();
                    reason.next = "the code is in quarantine; mend the migration".to_owned();
                }
            });
        } else if failure.engine().is_some() || is_of_function(failure) {
            let entry = QuarantineEntry {
                artifacts: self.plan.artifacts(),
                packages: self.plan.packages(),
                at_ms: self.upgrades.now_ms(),
                height: resumed.height.0,
                state: QuarantineState::Failed,
                code: failure.code().to_owned(),
                reason: failure.to_string(),
            };
            self.upgrades.policy.quarantine.record(entry);
        }
    }

    /// Writes what became of the upgrade into the log.
    pub(super) fn log(&self, resumed: &Resumed) {
        let id = self.id;
        let report = self.upgrades.report(id);
        let code = report.as_ref().map(audit).unwrap_or_default();
        let (height, pause_us) = (
            resumed.height,
            micros(resumed.times.resumed - resumed.times.closing),
        );
        match &resumed.verdict {
            Some(Verdict::Committed(generation)) => {
                tracing::info!(id, %generation, %height, pause_us, code, "upgrade committed");
                if self.upgrades.store.archive().is_none() {
                    tracing::warn!(
                        id,
                        "the upgrade is in memory: the next start has the code that it is started with, and no state"
                    );
                }
            }
            Some(Verdict::Aborted { phase, failure }) => {
                let reason = failure.code();
                tracing::warn!(id, %height, pause_us, %phase, reason, code, "upgrade aborted: {failure}");
            }
            None => tracing::warn!(id, %height, code, "upgrade aborted"),
        }
    }

    /// What was on record of code that is live now is history.
    pub(super) fn note_success(&self) {
        let artifacts = self.plan.artifacts();
        if let Err(error) = self.upgrades.policy.quarantine.succeeded(&artifacts) {
            tracing::error!(%error, "a failure of before is on record again after a restart");
        }
    }
}

/// Whether the function over the whole snapshot is to blame.
fn is_of_function(failure: &Failure) -> bool {
    matches!(failure, Failure::Whole { .. } | Failure::WholeResult { .. })
}

/// What an upgrade brings, for the log: each kind with its versions before and after, and the artifact.
pub(super) fn audit(report: &UpgradeReport) -> String {
    let kind = |kind: &UpgradedKind| {
        let from = kind.from_package_version.as_deref().unwrap_or("none");
        // An older plan does not say it; the line of its commit does.
        let to = match kind.to_package_version.as_str() {
            "" => "?",
            to => to,
        };
        let name = format!("{} {}", kind.kind, kind.package);
        format!("{}: {from} → {to} {}", name.trim(), kind.artifact)
    };
    let kinds: Vec<_> = report.engines.iter().map(kind).collect();
    kinds.join(", ")
}
