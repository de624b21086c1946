//! [`Armed`]: the record of an upgrade that may happen: it is durable before the gate closes, so that a start after a
//! crash can do what the block after the update point says was done.
//!
//! The record does not decide. A block that says "committed" does; without one the upgrade did not happen.

use refit_admin::api::UpgradeReport;
use refit_kernel::Key;
use refit_ordering::PlanDigest;
use refit_store::{Archive, ArchiveView, Fault, RecordChange};
use refit_upgrade::{Plan, Strategy};
use serde::{Deserialize, Serialize};

/// The beginning of the names of such records; the plan's digest follows.
pub(crate) const NAME: &str = "upgrade/";

/// The form of such a record.
const ARMED_FORMAT: u32 = 1;

/// An upgrade that was armed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Armed {
    format: u32,
    /// The plan as it was taken on. Its libraries are kept by their hashes.
    pub(crate) plan: Plan,
    /// For so many blocks after it the node can be rolled back.
    #[serde(default)]
    pub(crate) probation_blocks: u64,
    /// Attempts that were begun, this one too.
    #[serde(default = "first")]
    pub(crate) attempts: u32,
    /// The key that it was taken on under.
    #[serde(default)]
    pub(crate) key: Option<Key>,
    /// When the node stopped for it, in milliseconds since the Unix epoch, if it did.
    #[serde(default)]
    pub(crate) stopped_at_ms: Option<u64>,
    #[serde(default)]
    pub(crate) foreseen: Foreseen,
}

/// What its rehearsal found: the life that carries it out may not be the one that rehearsed it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Foreseen {
    predicted_us: Option<u64>,
    copy_us: Option<u64>,
    digest: Option<String>,
}

impl Foreseen {
    /// As a report has it.
    pub(crate) fn of(report: UpgradeReport) -> Self {
        Self {
            predicted_us: report.predicted_us,
            copy_us: report.copy_us,
            digest: report.digest,
        }
    }

    /// Puts it into the report of a later life.
    pub(crate) fn tell(self, report: &mut UpgradeReport) {
        report.predicted_us = self.predicted_us;
        report.copy_us = self.copy_us;
        report.digest = self.digest;
    }
}

/// An upgrade that was armed before attempts were counted was tried once.
const fn first() -> u32 {
    1
}

/// A record, and the plan's digest by which blocks name it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    name: String,
    pub(crate) armed: Armed,
}

impl Recorded {
    /// The plan's digest, in hexadecimal.
    pub(crate) fn digest(&self) -> &str {
        self.name.strip_prefix(NAME).unwrap_or_default()
    }
}

impl Armed {
    pub(crate) fn new(plan: Plan, probation_blocks: u64) -> Self {
        Self {
            format: ARMED_FORMAT,
            plan,
            probation_blocks,
            attempts: first(),
            key: None,
            stopped_at_ms: None,
            foreseen: Foreseen::default(),
        }
    }

    /// The same, whose rehearsal found this.
    pub(crate) fn foreseen(self, foreseen: Foreseen) -> Self {
        Self { foreseen, ..self }
    }

    /// The same, taken on under this key.
    pub(crate) fn under(self, key: Option<Key>) -> Self {
        Self { key, ..self }
    }

    /// The same, for which the node has stopped at this time.
    pub(crate) fn stopped_at(self, ms: Option<u64>) -> Self {
        Self {
            stopped_at_ms: ms,
            ..self
        }
    }

    /// Whether a start carries it out before it serves.
    pub(crate) fn is_offline(&self) -> bool {
        self.plan.directives.strategy == Strategy::Offline
    }

    /// The same, as its attempt of this number.
    pub(crate) fn counted(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Writes it down; durable when this returns.
    pub(crate) fn record(&self, digest: &PlanDigest, archive: &dyn Archive) -> Result<(), Fault> {
        let content = serde_json::to_vec(self).map_err(|error| Fault::Disk {
            detail: error.to_string(),
        })?;
        archive.set_records(vec![RecordChange::put(name(digest), content)])
    }
}

/// The record of the plan that a block names, if there is one that can be read.
pub(crate) fn find(digest: &PlanDigest, archive: &dyn ArchiveView) -> Result<Option<Armed>, Fault> {
    let content = archive.record(&name(digest))?;
    let read = |content: Vec<u8>| serde_json::from_slice::<Armed>(&content).ok();
    Ok(content
        .and_then(read)
        .filter(|armed| armed.format == ARMED_FORMAT))
}

/// All records.
pub(crate) fn all(archive: &dyn ArchiveView) -> Result<Vec<Recorded>, Fault> {
    let recorded = |(name, content): (String, Vec<u8>)| {
        let armed = serde_json::from_slice(&content).ok()?;
        Some(Recorded { name, armed })
    };
    Ok(archive
        .records(NAME)?
        .into_iter()
        .filter_map(recorded)
        .collect())
}

/// Takes records away.
pub(crate) fn forget(records: &[Recorded], archive: &dyn Archive) -> Result<(), Fault> {
    match records {
        [] => Ok(()),
        records => {
            let gone = records
                .iter()
                .map(|it| RecordChange::remove(it.name.as_str()));
            archive.set_records(gone.collect())
        }
    }
}

/// Takes the record of an upgrade away that did not happen.
pub(crate) fn forget_plan(digest: &PlanDigest, archive: &dyn Archive) -> Result<(), Fault> {
    archive.set_records(vec![forgotten(digest)])
}

/// The change by which the record of an upgrade goes.
pub(crate) fn forgotten(digest: &PlanDigest) -> RecordChange {
    RecordChange::remove(name(digest))
}

fn name(digest: &PlanDigest) -> String {
    format!("{NAME}{digest}")
}
