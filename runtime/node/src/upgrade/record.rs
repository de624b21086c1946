//! What must be durable before the gate closes: the libraries that come in, and the record of the plan. With them a start
//! after a crash can do what the block after the update point says was done.

use super::attempt::Attempt;
use super::refused::{UpgradeRefused, refused, refused_by};
use crate::blocks::chain;
use crate::code::armed::{self, Armed, Foreseen};
use crate::code::libraries;
use refit_abi::codes;
use refit_admin::api;

impl Attempt {
    /// Writes it down, unless it is there from the first time or nothing outlives the process.
    pub(super) fn record(&self) -> Result<(), UpgradeRefused> {
        let Some(archive) = self.upgrades.store.archive() else {
            return Ok(());
        };
        // Of one for which the node has stopped, the record says more than this could.
        if self.rules.again || self.rules.is_recorded {
            return Ok(());
        }
        let phase = api::Phase::Armed;
        let _code = self.upgrades.code.lock();
        for module in &self.loaded {
            let next = "make room on the disk of the data folder, and apply the plan again";
            libraries::keep(module, archive).map_err(|error| {
                let detail = format!("the library {} is not kept: {error}", module.name());
                refused(phase, codes::UPGRADE_NOT_RECORDED, &detail, next)
            })?;
        }
        let recorded = Armed::new(self.plan.clone(), self.rules.probation_blocks);
        let recorded = self.as_known(recorded).counted(self.rules.attempts);
        let recorded = recorded.record(&chain::digest(&self.plan), archive);
        recorded.map_err(|fault| refused_by(phase, &fault))
    }

    /// The record with what its report says that a later life could not find out.
    pub(super) fn as_known(&self, recorded: Armed) -> Armed {
        let state = self.upgrades.state.lock();
        let report = state.reports.get(self.id);
        let foreseen = report.map(Foreseen::of).unwrap_or_default();
        recorded
            .under(state.reports.key(self.id))
            .foreseen(foreseen)
    }

    /// The upgrade did not happen: its record goes. If that fails it stays, and does nothing.
    pub(super) fn forget_record(&self) {
        if let Some(archive) = self.upgrades.store.archive()
            && !self.rules.again
            && let Err(fault) = armed::forget_plan(&chain::digest(&self.plan), archive)
        {
            tracing::warn!(id = self.id, "the record of the upgrade stays: {fault}");
        }
    }
}
