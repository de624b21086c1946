//! What became of each upgrade: the newest reports, oldest first.

use super::shown;
use crate::blocks::clock::Clock;
use crate::code::libraries::Release;
use crate::limits::{REPORTS_BYTES_MAX, REPORTS_MAX};
use refit_abi::codes;
use refit_abi::host::Explained;
use refit_abi::{Generation, Height};
use refit_admin::api::{
    Class, Phase, PhaseTime, Reason, UpgradeReport, UpgradeState, UpgradedKind,
};
use refit_kernel::{Key, KindCount};
use refit_store::{JournalReadError, Store};
use refit_upgrade::{Live, Plan, PlannedKind, PlannedModule};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The newest reports.
pub(super) struct Reports {
    clock: Arc<dyn Clock>,
    kept: VecDeque<UpgradeReport>,
    opened: u64,
    /// The upgrade that has not ended, or whose modules are not yet retired.
    under_way: Option<u64>,
    /// The numbers of those that were taken on under keys, and are kept.
    keyed: BTreeMap<Key, u64>,
}

/// A record of the journal, as far as it is a report.
#[derive(Deserialize)]
struct Told {
    #[serde(flatten)]
    report: UpgradeReport,
    /// The key that it was taken on under; older records do not say it.
    #[serde(default)]
    key: Option<Key>,
}

/// What a report begins with.
pub(super) struct Opened<'a> {
    pub(super) plan: &'a Plan,
    /// The key that it was taken on under.
    pub(super) key: Option<Key>,
    pub(super) live: &'a Live,
    /// What the code of each live kind is called, in its order.
    pub(super) releases: &'a [Release],
    /// The engines of each live kind, in its order.
    pub(super) counts: &'a [KindCount],
}

impl Reports {
    /// None yet; `clock` says when upgrades begin and end.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            kept: VecDeque::new(),
            opened: 0,
            under_way: None,
            keyed: BTreeMap::new(),
        }
    }

    /// Those that the journal has, of the lives of the node before this one.
    pub(super) fn of_before(clock: Arc<dyn Clock>, journal: &dyn Store) -> Self {
        let mut reports = Self::new(clock);
        let mut from = 0;
        loop {
            match journal.journal_read(from) {
                Ok(records) => {
                    let Some(last) = records.last() else {
                        return reports;
                    };
                    from = last.index + 1;
                    for record in &records {
                        // A record of another time of this program is no report that can be shown.
                        if let Ok(told) = serde_json::from_slice::<Told>(&record.bytes) {
                            reports.tell(told);
                        }
                    }
                }
                Err(JournalReadError::Pruned { oldest, .. }) => from = oldest,
                Err(error) => {
                    tracing::error!(%error, "the history of upgrades cannot be read");
                    return reports;
                }
            }
        }
    }

    /// A record of the journal. A later one of the same upgrade says more.
    fn tell(&mut self, Told { report, key }: Told) {
        self.opened = self.opened.max(report.id);
        self.free_key(report.id);
        self.keyed.extend(key.map(|key| (key, report.id)));
        if let Some(before) = self.kept.iter_mut().find(|kept| kept.id == report.id) {
            *before = report;
            return;
        }
        self.make_room();
        self.kept.push_back(report);
    }

    /// The number of the upgrade that made this generation live after the block at `height`.
    pub(super) fn that_committed(&self, generation: Generation, height: Height) -> Option<u64> {
        let mut kept = self.kept.iter().rev();
        let is_it = |report: &&UpgradeReport| {
            let committed = report.state == UpgradeState::Committed;
            committed && report.to == generation && report.height == Some(height)
        };
        kept.find(is_it).map(|report| report.id)
    }

    /// Whether another report tells of the same upgrade as this one, which was made again.
    pub(super) fn is_repeated(&self, id: u64) -> bool {
        let told = |report: &UpgradeReport| (report.to, report.height, report.state);
        let this = self.kept.iter().find(|report| report.id == id).map(told);
        let mut others = self.kept.iter().filter(|report| report.id != id);
        others.any(|other| Some(told(other)) == this)
    }

    /// Forgets the report of an upgrade that was made again, if another one tells of it.
    pub(super) fn forget_repeated(&mut self, id: u64) {
        if self.is_repeated(id) {
            self.kept.retain(|report| report.id != id);
            if self.opened == id {
                self.opened -= 1;
            }
        }
    }

    /// Opens a report; gives its number.
    pub(super) fn open(&mut self, of: &Opened<'_>) -> u64 {
        let Opened {
            plan, key, live, ..
        } = *of;
        self.opened += 1;
        self.under_way = Some(self.opened);
        self.make_room();
        self.keyed.extend(key.map(|key| (key, self.opened)));
        let kinds = plan.modules.iter().flat_map(|module| {
            let kinds = module.kinds.iter();
            kinds.map(move |kind| upgraded(module, kind, of))
        });
        let engines: Vec<UpgradedKind> = kinds.collect();
        self.kept.push_back(UpgradeReport {
            id: self.opened,
            state: UpgradeState::Staging,
            from: live.generation,
            to: live.generation.next(),
            began_at_ms: self.clock.now().0,
            ended_at_ms: None,
            at_height: plan.at_height,
            height: None::<Height>,
            release: plan.release.as_ref().map(shown::release),
            authorised: Some(shown::authorised(plan)),
            built: None,
            class: engines
                .iter()
                .map(|kind| kind.class)
                .max()
                .unwrap_or(Class::Carry),
            engines,
            reason: None,
            stage_us: 0,
            wait_us: 0,
            pause_us: 0,
            without_block: None,
            copy_us: None,
            predicted_us: None,
            digest: None,
            timers_dropped: 0,
            phases: Vec::new(),
            retired: false,
            pinned: Vec::new(),
            rolled_back: None,
            offline: None,
        });
        self.opened
    }

    /// The report of this number is the one that an earlier life has left open, if it has: gives the number of that.
    pub(super) fn goes_on(&mut self, id: u64) -> u64 {
        let mut kept = self.kept.iter();
        let is_open = |report: &&UpgradeReport| report.id != id && !report.state.is_final();
        let Some(earlier) = kept.find(is_open).map(|report| report.id) else {
            return id;
        };
        let began_at_ms = self.get(earlier).map(|report| report.began_at_ms);
        self.kept.retain(|report| report.id != earlier);
        if let Some(report) = self.kept.iter_mut().find(|report| report.id == id) {
            report.id = earlier;
            report.began_at_ms = began_at_ms.unwrap_or(report.began_at_ms);
        }
        self.keyed
            .values_mut()
            .filter(|of| **of == id)
            .for_each(|of| *of = earlier);
        self.under_way = self.under_way.map(|_| earlier);
        self.opened -= u64::from(self.opened == id);
        earlier
    }

    /// Refuses those that are open and not under way; gives their numbers.
    pub(super) fn close_left_open(&mut self) -> Vec<u64> {
        let is_open =
            |report: &&UpgradeReport| !report.state.is_final() && self.under_way != Some(report.id);
        let open: Vec<_> = self.kept.iter().filter(is_open).map(|it| it.id).collect();
        for id in &open {
            let detail = "the node ended before it had happened, and nothing goes on with it";
            let next = match self.key(*id) {
                // Under the one that it has it was taken on, and is not again.
                Some(_) => "apply the plan again, under another key",
                None => "apply the plan again",
            };
            self.refuse_with(*id, codes::NODE_ENDED, detail, next);
        }
        open
    }

    /// Forgets the oldest, until there is room for one more.
    fn make_room(&mut self) {
        let mut bytes: usize = self.kept.iter().map(text_bytes).sum();
        while self.kept.len() >= REPORTS_MAX || bytes > REPORTS_BYTES_MAX {
            let Some(oldest) = self.kept.pop_front() else {
                return;
            };
            bytes -= text_bytes(&oldest);
            self.keyed.retain(|_, id| *id > oldest.id);
        }
    }

    pub(super) fn update(&mut self, id: u64, change: impl FnOnce(&mut UpgradeReport)) {
        if let Some(report) = self.kept.iter_mut().rev().find(|report| report.id == id) {
            change(report);
            if report.state.is_final() && report.ended_at_ms.is_none() {
                report.ended_at_ms = Some(self.clock.now().0);
            }
            // A refused upgrade has no old code to retire; every other one is under way until that is done.
            if report.state == UpgradeState::Refused {
                self.under_way = self.under_way.filter(|other| *other != id);
            }
        }
    }

    /// The last phase is over: another upgrade may begin.
    pub(super) fn retired(&mut self, id: u64, us: u64) {
        self.under_way = self.under_way.filter(|other| *other != id);
        let phase = Phase::Retired;
        self.update(id, |report| report.phases.push(PhaseTime { phase, us }));
    }

    pub(super) fn refuse(&mut self, id: u64, code: &str, detail: &str) {
        self.refuse_with(id, code, detail, "apply the plan again");
    }

    fn refuse_with(&mut self, id: u64, code: &str, detail: &str, next: &str) {
        self.update(id, |report| {
            report.state = UpgradeState::Refused;
            let why = Explained::new(code, detail, next);
            report.reason = Some(Reason::new(Phase::Staged, why));
        });
    }

    /// Closes the report of an upgrade whose own thread is gone. What was already decided stays.
    pub(super) fn lose(&mut self, id: u64, detail: &str) {
        let decided = self.get(id).is_some_and(|report| report.state.is_final());
        if !decided {
            let next =
                "end the node, start it again, and see its log before you apply the plan again";
            self.refuse_with(id, codes::UPGRADE_PANICKED, detail, next);
        }
        self.retired(id, 0);
    }

    /// The upgrade that was taken on under a key, if its report is kept.
    pub(super) fn under(&self, key: Key) -> Option<u64> {
        self.keyed.get(&key).copied()
    }

    /// An upgrade was taken on under no key after all.
    pub(super) fn free_key(&mut self, id: u64) {
        self.keyed.retain(|_, of| *of != id);
    }

    /// The key that an upgrade was taken on under.
    pub(super) fn key(&self, id: u64) -> Option<Key> {
        let mut keyed = self.keyed.iter();
        keyed.find(|(_, of)| **of == id).map(|(key, _)| *key)
    }

    pub(super) fn get(&self, id: u64) -> Option<UpgradeReport> {
        self.kept
            .iter()
            .rev()
            .find(|report| report.id == id)
            .cloned()
    }

    pub(super) fn all(&self) -> Vec<UpgradeReport> {
        self.kept.iter().cloned().collect()
    }

    /// The upgrade that has not ended, or whose modules are not yet retired.
    pub(super) fn under_way(&self) -> Option<u64> {
        self.under_way
    }

    pub(super) fn last_ended(&self) -> Option<UpgradeReport> {
        self.kept
            .iter()
            .rev()
            .find(|report| report.state.is_final())
            .cloned()
    }
}

fn upgraded(module: &PlannedModule, kind: &PlannedKind, of: &Opened<'_>) -> UpgradedKind {
    let place = of
        .live
        .kinds
        .iter()
        .position(|live| live.descriptor.kind == kind.kind);
    UpgradedKind {
        kind: kind.kind.clone(),
        class: shown::class(kind.class),
        from_version: kind.from_version,
        to_version: kind.to_version,
        from_package_version: place
            .and_then(|place| of.releases.get(place))
            .map(|release| release.version.clone()),
        package: module.package.clone(),
        to_package_version: module.version.clone(),
        artifact: module.artifact.clone(),
        file: module.path.clone(),
        engines: place
            .and_then(|place| of.counts.get(place))
            .map_or(0, |count| count.serving),
    }
}

/// The bytes of the texts that a plan brought into a report.
fn text_bytes(report: &UpgradeReport) -> usize {
    let kinds = report.engines.iter().map(|kind| {
        let texts = [&kind.kind, &kind.package, &kind.artifact, &kind.file];
        texts.iter().map(|text| text.len()).sum::<usize>() + kind.to_package_version.len()
    });
    kinds.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::clock::SystemClock;

    /// A plan of one module with a long name of its file, and some kinds.
    fn plan(kinds: usize) -> Plan {
        let kind = serde_json::json!({
            "kind": "kv", "class": "carry", "copied": false, "from_version": null, "to_version": 1,
            "difference": [], "dropped": [],
        });
        let module = serde_json::json!({
            "path": "x".repeat(4000), "artifact": "a", "build_id": "b", "kinds": vec![kind; kinds],
        });
        let plan = serde_json::json!({
            "format": 2, "base": 1, "base_code": "c", "at_height": null, "modules": [module],
            "carried": [], "directives": {},
        });
        serde_json::from_value(plan).unwrap()
    }

    #[test]
    fn the_oldest_reports_are_forgotten_before_their_texts_have_more_bytes_than_may_be_kept() {
        let mut reports = Reports::new(Arc::new(SystemClock));
        let plan = plan(256);
        let live = Live {
            generation: Generation(1),
            kinds: Vec::new(),
        };
        let of = Opened {
            plan: &plan,
            key: None,
            live: &live,
            releases: &[],
            counts: &[],
        };
        // Each has a mebibyte of texts.
        for _ in 0..40 {
            reports.open(&of);
        }
        let last = reports.kept.back().map(text_bytes).unwrap();
        let before: usize = reports.kept.iter().map(text_bytes).sum::<usize>() - last;
        assert!(before <= REPORTS_BYTES_MAX, "{before}");
        assert!(
            before + last > REPORTS_BYTES_MAX,
            "no more is forgotten than must be"
        );
        assert_eq!(reports.get(1), None);
        assert!(reports.get(40).is_some());
    }
}
