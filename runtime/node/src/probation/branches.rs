//! [`BranchPoint`]: where the log goes on under another branch. A checkpoint from before it, and the blocks up to it,
//! are of the branch before; each such point is a record, as long as a start may have to pass it.

use refit_abi::{Generation, Height};
use refit_ordering::{Branch, PlanDigest};
use refit_store::{Archive, Fault, RecordChange};
use serde::{Deserialize, Serialize};

/// The beginning of the names of such records.
const NAME: &str = "branch/";

/// The log goes on under another branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BranchPoint {
    /// The branch that begins.
    pub(crate) branch: Branch,
    /// The last block of the one before.
    pub(crate) after: Height,
    /// The plan whose upgrade was there.
    pub(crate) plan: PlanDigest,
    /// The generation that it brought.
    pub(crate) generation: Generation,
    /// The last block that the branch before had: up to this one the same entries come again.
    pub(crate) through: Height,
    /// Why it was rolled back: the stable word, and what happened.
    pub(crate) code: String,
    pub(crate) detail: String,
    /// The libraries that were taken back: a configuration that was changed to them is told, and not refused.
    #[serde(default)]
    pub(crate) artifacts: Vec<String>,
    /// Whether the report of the upgrade says so by now.
    pub(crate) is_reported: bool,
}

impl BranchPoint {
    /// Its record.
    pub(crate) fn record(&self) -> Result<RecordChange, Fault> {
        let content = serde_json::to_vec(self).map_err(|error| Fault::Disk {
            detail: error.to_string(),
        })?;
        // In the order of the branches.
        Ok(RecordChange::put(
            format!("{NAME}{:020}", self.branch.0),
            content,
        ))
    }
}

/// All that are kept, oldest first.
pub(crate) fn all(archive: &dyn Archive) -> Result<Vec<BranchPoint>, Fault> {
    let read = |(name, content): (String, Vec<u8>)| {
        serde_json::from_slice(&content).map_err(|error| Fault::Disk {
            detail: format!("the record `{name}` cannot be read: {error}"),
        })
    };
    archive.records(NAME)?.into_iter().map(read).collect()
}

/// Forgets those that no start from a checkpoint at `oldest` or later passes, but not the newest.
pub(crate) fn forget(archive: &dyn Archive, oldest: Height) -> Result<(), Fault> {
    let mut points = all(archive)?;
    points.pop();
    let passed = points.iter().filter(|point| point.after < oldest);
    let gone: Vec<_> = passed
        .map(|point| RecordChange::remove(format!("{NAME}{:020}", point.branch.0)))
        .collect();
    match gone.is_empty() {
        true => Ok(()),
        false => archive.set_records(gone),
    }
}
