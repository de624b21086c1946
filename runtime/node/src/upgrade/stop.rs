//! An upgrade for which the node stops: strategy `offline`.
//!
//! ```text
//! stage → probe → rehearse → record (durable) ── the driver ends behind H ──▶ the process starts again in its own place
//!                                                                                │
//!   the start: checkpoint, log up to H ── the same attempt, at the same update point, with nobody served ──▶ H+1, serves
//! ```
//!
//! Nothing of the new code is mapped before the restart. A kill at any time changes nothing: each start finds the record, and
//! attempts are counted as those of every armed upgrade.

use super::Upgrades;
use super::attempt::Attempt;
use super::refused::{UpgradeRefused, ended, refused, refused_by};
use crate::blocks::chain;
use crate::blocks::intake::Intake;
use crate::code::armed::Armed;
use crate::micros::micros;
use crate::pause::Stopping;
use crossbeam_channel::bounded;
use refit_abi::codes;
use refit_admin::Refusal;
use refit_admin::api::{self, Offline, UpgradeState};
use refit_loader::ProbedArtifact;
use refit_loader::helper::UNHELPED_NEXT;
use refit_upgrade::{Plan, Strategy};
use std::fs;
use std::time::Duration;

impl Upgrades {
    /// Whether the node may begin a plan: stop for it, if it is one that it must stop for.
    pub(super) fn may_stop(&self, plan: &Plan) -> Result<(), Refusal> {
        if plan.directives.strategy == Strategy::Hot {
            // Its code is probed and rehearsed in children.
            return self.starts_again();
        }
        let refuse = |code: &str, detail: &str| {
            let next =
                "take a snapshot, upgrade that with `refit snapshot migrate`, and restore it";
            Err(Refusal::new(409, code, detail, next))
        };
        match (&self.policy.on_offline, self.policy.max_downtime) {
            (None, _) => refuse(
                codes::OFFLINE_REFUSED,
                "the plan is for a node that stops for it, and this one would not go on behind its last block: it keeps its \
                 blocks in memory, or they come from elsewhere, or nothing starts it again",
            ),
            (Some(_), Some(Duration::ZERO)) => refuse(
                codes::DOWNTIME_REFUSED,
                "the plan is for a node that stops for it, and max_downtime = 0 says that this one does not",
            ),
            (Some(_), _) => self.starts_again(),
        }
    }

    /// Whether the node has all that an upgrade or a roll-back takes: children, and a start again in its own place.
    ///
    /// # Errors
    /// The [`Refusal`] where the process has ended that would start what that start needs.
    pub(crate) fn starts_again(&self) -> Result<(), Refusal> {
        if self.loader.starts_children() {
            return Ok(());
        }
        Err(Refusal::new(
            503,
            codes::NO_HELPER,
            "the process that starts probes, rehearsals and trials for this confined node has ended, so nothing can be tried \
             first, and the node would not start again in its own place",
            UNHELPED_NEXT,
        ))
    }

    /// Whether code that may do more than the live code is refused, unless its plan allows it.
    pub(crate) fn refuses_new_capabilities(&self) -> bool {
        self.policy.refuses_new_capabilities
    }

    /// How long the node may not serve for an upgrade, in milliseconds, if that is said.
    pub(crate) fn max_downtime_ms(&self) -> Option<u64> {
        let most = self.policy.max_downtime?;
        Some(u64::try_from(most.as_millis()).unwrap_or(u64::MAX))
    }

    /// The upgrade that this start has carried out is over, and the node serves: for how long it did not.
    pub(crate) fn was_offline(&self, id: u64, stopped_at_ms: Option<u64>) {
        let now = self.now_ms();
        let downtime_us = stopped_at_ms.map(|at| now.saturating_sub(at).saturating_mul(1_000));
        self.update(id, |report| {
            report.offline = Some(Offline::Node { downtime_us });
        });
        let state = self.report(id).map(|report| report.state);
        tracing::info!(
            id,
            ?state,
            ?downtime_us,
            "the node serves again after the upgrade for which it had stopped"
        );
        self.journal_report(id);
    }
}

impl Attempt {
    /// Whether the node stops for it, and has not yet.
    pub(super) fn stops(&self) -> bool {
        let is_offline = self.plan.directives.strategy == Strategy::Offline;
        is_offline && !self.rules.again && !self.rules.while_starting
    }

    /// All that comes before the node stops: nothing has happened if that fails.
    pub(super) fn prepare_stop(&mut self, probed: &[ProbedArtifact]) -> Result<(), UpgradeRefused> {
        let phase = api::Phase::Armed;
        let Some(archive) = self.upgrades.store.archive() else {
            return Err(ended());
        };
        let _code = self.upgrades.code.lock();
        for library in probed {
            let bytes = fs::read(library.staged().path_for_child());
            let kept = bytes.and_then(|bytes| archive.keep_code(&bytes));
            kept.map_err(|error| {
                let name = library.staged().name();
                let detail = format!("the library {name} is not kept: {error}");
                let next = "make room on the disk of the data folder, and apply the plan again";
                refused(phase, codes::UPGRADE_NOT_RECORDED, &detail, next)
            })?;
        }
        self.record_stop(None)
    }

    /// Writes down that the next start carries it out.
    fn record_stop(&self, stopped_at_ms: Option<u64>) -> Result<(), UpgradeRefused> {
        let Some(archive) = self.upgrades.store.archive() else {
            return Err(ended());
        };
        let recorded = Armed::new(self.plan.clone(), self.rules.probation_blocks);
        // No attempt was made yet: this process makes none.
        let recorded = self.as_known(recorded).counted(0);
        let recorded = recorded.stopped_at(stopped_at_ms);
        let recorded = recorded.record(&chain::digest(&self.plan), archive);
        recorded.map_err(|fault| refused_by(api::Phase::Armed, &fault))
    }

    /// Waits for its height, and has the node stop behind it.
    pub(super) fn stop(mut self) {
        let upgrades = self.upgrades.clone();
        let (tell, told) = bounded(1);
        let stopping = Stopping {
            at_height: self.plan.at_height,
            tell,
            recall: self.rules.recall.clone(),
        };
        let stage_us = micros(self.started.elapsed());
        let sent = upgrades.intake.send(Intake::StopAt(Box::new(stopping)));
        self.update(|report| {
            report.state = UpgradeState::Armed;
            report.stage_us = stage_us;
            report.phases.clone_from(&self.steps.done);
        });
        self.rules.staged = None;
        // Before the node stops: whoever asks the next life of the node finds the upgrade under its number.
        upgrades.journal_report(self.id);
        let told = sent.ok().and_then(|()| told.recv().ok());
        match told {
            // The node was told to end: its next start takes it up.
            None => {}
            Some(Err(why)) => self.refuse(why.into()),
            Some(Ok(height)) => {
                tracing::warn!(id = self.id, %height, "the node stops for the upgrade, and starts again to carry it out");
                if self.record_stop(Some(upgrades.now_ms())).is_err() {
                    // Without the time the upgrade is the same: the record of before is there.
                    tracing::warn!(
                        id = self.id,
                        "the time at which the node stops is not written down"
                    );
                }
                if let Some(restart) = &upgrades.policy.on_offline {
                    restart();
                }
            }
        }
    }
}
