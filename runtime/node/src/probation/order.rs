//! [`RollBack`]: the decision to take a generation back, as a record. From the moment on that it is durable, each start
//! carries it out; until then nothing has happened.

use super::OnProbation;
use super::branches::{self, BranchPoint};
use refit_abi::Height;
use refit_ordering::Branch;
use refit_store::{Archive, Fault, NewBranch, RecordChange};
use serde::{Deserialize, Serialize};

/// The name of the record.
const NAME: &str = "rollback";

/// The form of such a record.
const ROLL_BACK_FORMAT: u32 = 1;

/// A generation is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RollBack {
    format: u32,
    pub(crate) on: OnProbation,
    /// Why: the stable word, and what happened.
    pub(crate) code: String,
    pub(crate) detail: String,
}

impl RollBack {
    pub(crate) fn new(on: OnProbation, code: &str, detail: String) -> Self {
        Self {
            format: ROLL_BACK_FORMAT,
            on,
            code: code.to_owned(),
            detail,
        }
    }

    /// Its record: with it, it is decided.
    pub(crate) fn to_record(&self) -> Result<RecordChange, Fault> {
        let content = serde_json::to_vec(self).map_err(|error| Fault::Disk {
            detail: error.to_string(),
        })?;
        Ok(RecordChange::put(NAME, content))
    }

    /// The one that is decided and not carried out, if there is one.
    pub(crate) fn read(archive: &dyn Archive) -> Result<Option<Self>, Fault> {
        let Some(content) = archive.record(NAME)? else {
            return Ok(None);
        };
        let read = serde_json::from_slice::<Self>(&content).map_err(|error| error.to_string());
        let read = read.and_then(|read| match read.format {
            ROLL_BACK_FORMAT => Ok(read),
            other => Err(format!("it is of form {other}")),
        });
        let unreadable = |why: String| Fault::Disk {
            detail: format!("the record of a roll-back cannot be read: {why}"),
        };
        read.map(Some).map_err(unreadable)
    }

    /// Has the log begin its branch: with it the decision is carried out, as far as the log is concerned. `last` is its
    /// last block, `newer` the checkpoints of what is taken back, `from` the branch that is live; `also` changes with it.
    pub(crate) fn begin_branch(
        &self,
        archive: &dyn Archive,
        log: Taken,
    ) -> Result<BranchPoint, Fault> {
        let Taken {
            last,
            from,
            newer,
            also,
            artifacts,
        } = log;
        let points = branches::all(archive)?;
        let newest = points.last().map_or(from, |point| point.branch.max(from));
        let point = BranchPoint {
            branch: Branch(newest.0 + 1),
            after: self.on.after,
            plan: self.on.plan,
            generation: self.on.base.next(),
            through: last,
            code: self.code.clone(),
            detail: self.detail.clone(),
            artifacts,
            is_reported: false,
        };
        let mut changes = vec![RecordChange::remove(NAME), point.record()?];
        changes.extend(also);
        archive.begin_branch(NewBranch {
            after: self.on.after,
            checkpoints: newer,
            changes,
        })?;
        Ok(point)
    }
}

/// The log that is taken back.
pub(crate) struct Taken {
    /// Its last block.
    pub(crate) last: Height,
    /// The branch that it is on.
    pub(crate) from: Branch,
    /// The checkpoints that go with its blocks.
    pub(crate) newer: Vec<u64>,
    /// Records that change with it.
    pub(crate) also: Vec<RecordChange>,
    /// The libraries that are taken back.
    pub(crate) artifacts: Vec<String>,
}
