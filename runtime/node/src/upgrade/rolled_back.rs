//! An upgrade that was taken back: its report says so, its code is on record as failed, and the log has what became of
//! the replies.

use super::Upgrades;
use crate::probation::branches::BranchPoint;
use crate::probation::revision::{RevisedReply, Revision};
use refit_abi::host::Explained;
use refit_abi::{EngineId, Generation, Height};
use refit_admin::api::{
    self, Phase, QuarantineEntry, QuarantineState, Reason, RollBackReport, UpgradeReport,
    UpgradeState, UpgradedKind,
};
use refit_kernel::Asker;
use std::collections::{BTreeMap, BTreeSet};

impl Upgrades {
    /// The number of the upgrade that made this generation live after the block at `height`; 0 if nobody knows it any
    /// more.
    pub(crate) fn that_committed(&self, generation: Generation, height: Height) -> u64 {
        let known = self.state.lock().reports.that_committed(generation, height);
        known.unwrap_or_default()
    }

    /// Tells of a roll-back that is over, and of the replies that came out otherwise, as far as they were compared.
    pub(crate) fn was_rolled_back(&self, point: &BranchPoint, revision: Option<Revision>) {
        let poisoned = revision.as_ref().map(|it| it.poisoned.clone());
        let report = self.roll_back_report(point, revision);
        let RollBackReport {
            same,
            revised,
            lost,
            is_whole,
            ..
        } = report;
        let (branch, after, through) = (point.branch, point.after, point.through);
        tracing::warn!(
            %branch, %after, %through, same, revised, lost, is_whole,
            "the node was rolled back: what clients were told, and what has come out now"
        );
        for reply in &report.shown {
            let (engine, height, key) = (&reply.engine, reply.height, &reply.key);
            tracing::warn!(engine, %height, ?key, "a reply was revised");
        }
        let id = self.that_committed(point.generation, point.after);
        let mut state = self.state.lock();
        state.rolled_back = Some((report.clone(), poisoned.unwrap_or_default()));
        state.reports.update(id, |it| it.take_back(report));
        let Some(known) = state.reports.get(id) else {
            return;
        };
        drop(state);
        self.policy.quarantine.record(failed(&known, point));
        self.journal_report(id);
    }

    /// What this start has taken back, if it has, and the engines that panicked as it was made anew.
    pub(crate) fn rolled_back(&self) -> Option<(RollBackReport, BTreeSet<EngineId>)> {
        self.state.lock().rolled_back.clone()
    }

    fn roll_back_report(&self, point: &BranchPoint, revision: Option<Revision>) -> RollBackReport {
        let known = revision.as_ref();
        let shown = known.map(|known| known.shown.iter().map(shown).collect());
        RollBackReport {
            branch: point.branch.0,
            after: point.after,
            through: point.through,
            code: point.code.clone(),
            detail: point.detail.clone(),
            at_ms: self.now_ms(),
            same: known.map_or(0, |known| known.same),
            revised: known.map_or(0, |known| known.revised),
            lost: known.map_or(0, Revision::lost),
            is_whole: known.is_some_and(|known| known.is_whole),
            shown: shown.unwrap_or_default(),
        }
    }
}

/// What a report does when its upgrade is taken back.
trait TakeBack {
    fn take_back(&mut self, report: RollBackReport);
}

impl TakeBack for UpgradeReport {
    fn take_back(&mut self, report: RollBackReport) {
        let next = "the generation of before goes on; mend the code before you bring it again";
        let why = Explained::new(report.code.clone(), report.detail.clone(), next);
        self.state = UpgradeState::RolledBack;
        self.reason = Some(Reason::new(Phase::Resumed, why));
        self.rolled_back = Some(report);
    }
}

/// Its code, as one that has failed.
fn failed(report: &UpgradeReport, point: &BranchPoint) -> QuarantineEntry {
    let (artifacts, packages) = libraries(&report.engines).into_iter().unzip();
    QuarantineEntry {
        artifacts,
        packages,
        at_ms: report.rolled_back.as_ref().map_or(0, |it| it.at_ms),
        height: point.after.0,
        state: QuarantineState::Failed,
        code: point.code.clone(),
        reason: format!("it was taken back on probation: {}", point.detail),
    }
}

/// Each library once, with its package and version: one may be the code of several kinds.
fn libraries(kinds: &[UpgradedKind]) -> BTreeMap<String, String> {
    let named = kinds.iter().map(|kind| {
        let package = format!("{} {}", kind.package, kind.to_package_version);
        (kind.artifact.clone(), package)
    });
    named.collect()
}

fn shown(reply: &RevisedReply) -> api::RevisedReply {
    let key = match &reply.asker {
        Asker::Keyed { key, .. } => {
            let client = crate::log::troubles::Words(refit_abi::Sender::Client(key.client));
            Some(format!("{client}, {}", key.sequence))
        }
        Asker::Keyless(_) => None,
    };
    api::RevisedReply {
        height: reply.height,
        engine: reply.engine.to_string(),
        key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_admin::api::Class;

    #[test]
    fn a_library_of_two_kinds_is_on_record_once() {
        let kind = |kind: &str, artifact: &str| UpgradedKind {
            kind: kind.to_owned(),
            class: Class::Carry,
            from_version: Some(1),
            to_version: 1,
            from_package_version: None,
            package: "store".to_owned(),
            to_package_version: "2.0.0".to_owned(),
            artifact: artifact.to_owned(),
            file: String::new(),
            engines: 1,
        };
        let found = libraries(&[kind("kv", "ab"), kind("other", "cd"), kind("index", "ab")]);
        let (artifacts, packages): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        assert_eq!(artifacts, ["ab", "cd"]);
        assert_eq!(packages, ["store 2.0.0"; 2]);
    }
}
