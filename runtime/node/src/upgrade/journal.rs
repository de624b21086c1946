//! The journal's record of an upgrade: how it ended, and what it was made of. It is written once the upgrade has ended,
//! outside of every lock: nobody waits for the disk but the upgrade's own thread.

use super::Upgrades;
use super::attempt::Attempt;
use super::reports::Opened;
use crate::code::libraries::Release;
use refit_abi::build::{ABI_EPOCH, COMPILER_COMMIT};
use refit_abi::host::Explained;
use refit_admin::api::{
    CodeBefore, KindBefore, MadeBy, Phase, Reason, UpgradeRecord, UpgradeReport, UpgradeState,
};
use refit_kernel::Key;
use refit_store::{JOURNAL_RECORD_BYTES_MAX, JournalReadError};
use refit_upgrade::{Live, LiveKind, Plan};
use serde::Serialize;

/// A record as the journal has it.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    record: &'a UpgradeRecord,
    /// The key that it was taken on under.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
}

impl Attempt {
    /// Writes what became of the upgrade into the journal.
    pub(super) fn journal(&self) {
        let (id, state) = (self.id, self.upgrades.state.lock());
        let ended = state.reports.get(id);
        // One that was made again has its record, or comes to its end at another start.
        let is_committed = |report: &UpgradeReport| report.state == UpgradeState::Committed;
        let is_done = ended.as_ref().is_some_and(is_committed);
        if self.rules.again && (!is_done || state.reports.is_repeated(id)) {
            return;
        }
        let kinds = self.live.kinds.iter();
        let kinds = kinds.map(|kind| before(kind, state.libraries.release(&kind.artifact)));
        let kinds = kinds.collect();
        drop(state);
        let Some(report) = ended else {
            return;
        };
        self.upgrades.journal(UpgradeRecord {
            report,
            plan: serde_json::to_value(&self.plan).ok(),
            before: Some(CodeBefore {
                generation: self.live.generation,
                kinds,
            }),
            made_by: Some(made_by()),
        });
    }
}

/// The code of a live kind, which is called so.
pub(super) fn before(kind: &LiveKind, release: Release) -> KindBefore {
    KindBefore {
        kind: kind.descriptor.kind.clone(),
        package: release.package,
        package_version: release.version,
        artifact: release.artifact,
    }
}

/// This program.
pub(super) fn made_by() -> MadeBy {
    MadeBy {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        abi_epoch: ABI_EPOCH,
        compiler: COMPILER_COMMIT.to_owned(),
    }
}

impl Upgrades {
    /// Writes the report of an upgrade into the journal, of which nothing more is at hand.
    pub(super) fn journal_report(&self, id: u64) {
        if let Some(report) = self.report(id) {
            self.journal(of_report(report));
        }
    }

    fn journal(&self, record: UpgradeRecord) {
        let id = record.report.id;
        let key = self.state.lock().reports.key(id);
        let written = |record: &UpgradeRecord| {
            serde_json::to_vec(&Written { record, key }).unwrap_or_default()
        };
        let mut bytes = written(&record);
        // The history is more than the plan.
        if bytes.len() > JOURNAL_RECORD_BYTES_MAX {
            bytes = written(&of_report(record.report));
        }
        if let Err(error) = self.store.journal_append(&bytes) {
            tracing::error!(id, %error, "the journal refuses the upgrade's record");
        }
    }

    /// All that is known of an upgrade.
    pub(crate) fn record_of(&self, id: u64) -> Option<UpgradeRecord> {
        let mut known = of_report(self.report(id)?);
        self.each_record(|read| {
            // A later record of the same upgrade may say less of what it was made of.
            if read.report.id == id {
                known.plan = read.plan.or(known.plan.take());
                known.before = read.before.or(known.before.take());
                known.made_by = read.made_by.or(known.made_by.take());
            }
        });
        Some(known)
    }

    /// What code that was live before is called, as far as the journal says.
    pub(crate) fn code_before(&self) -> Vec<KindBefore> {
        let mut code = Vec::new();
        self.each_record(|read| code.extend(read.before.into_iter().flat_map(|it| it.kinds)));
        code
    }

    /// Gives each record of the journal that can be read, oldest first.
    fn each_record(&self, mut give: impl FnMut(UpgradeRecord)) {
        let mut from = 0;
        loop {
            let records = match self.store.journal_read(from) {
                Ok(records) => records,
                Err(JournalReadError::Pruned { oldest, .. }) => {
                    from = oldest;
                    continue;
                }
                Err(error) => return tracing::error!(%error, "the journal cannot be read"),
            };
            let Some(last) = records.last() else {
                return;
            };
            from = last.index + 1;
            let read = records.iter().map(|it| serde_json::from_slice(&it.bytes));
            read.flatten().for_each(&mut give);
        }
    }

    /// An upgrade that was armed when the node ended, and is not taken up again: the history says why.
    pub(crate) fn did_not_happen(&self, plan: &Plan, why: Explained) {
        let live = Live {
            generation: plan.base,
            kinds: Vec::new(),
        };
        let mut state = self.state.lock();
        let id = state.reports.open(&Opened {
            plan,
            key: None,
            live: &live,
            releases: &[],
            counts: &[],
        });
        let id = state.reports.goes_on(id);
        state.reports.update(id, |report| {
            report.state = UpgradeState::Refused;
            report.reason = Some(Reason::new(Phase::Armed, why));
        });
        let report = state.reports.get(id);
        drop(state);
        if let Some(report) = report {
            self.journal(UpgradeRecord {
                plan: serde_json::to_value(plan).ok(),
                made_by: Some(made_by()),
                ..of_report(report)
            });
        }
    }
}

fn of_report(report: UpgradeReport) -> UpgradeRecord {
    UpgradeRecord {
        report,
        plan: None,
        before: None,
        made_by: None,
    }
}
