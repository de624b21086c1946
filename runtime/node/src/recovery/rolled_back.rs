//! The start of a node that is rolled back: the decision that was recorded is carried out before anything is loaded.
//!
//! ```text
//!  log, branch b     1 … H │ H+1 … tip ──▶ the old branch: kept, and read once more
//!  log, branch b+1         │ H+1 … tip     the same entries at the same times ([`replaying`](super::replaying)), under the
//!                          │               code that was live at H; the first header says that the upgrade was aborted
//! ```

use super::RecoveryError;
use super::about::About;
use crate::code::armed;
use crate::probation::branches::{self, BranchPoint};
use crate::probation::order::{RollBack, Taken};
use crate::probation::revision::Revision;
use crate::probation::told::{TOLD, Told};
use crate::trust;
use refit_abi::Height;
use refit_ordering::{
    Block, Branch, Decided, Entry, Ground, SealedBlock, UpgradeEnd, UpgradeOutcome,
};
use refit_store::{Archive, RecordChange, Store};

/// Carries out a roll-back that is decided, if one is.
pub(crate) fn begin(store: &dyn Store, archive: &dyn Archive) -> Result<(), RecoveryError> {
    let Some(decided) = RollBack::read(archive)? else {
        return Ok(());
    };
    let (mut newer, mut from, mut has_way_back) = (Vec::new(), Branch::default(), false);
    for checkpoint in archive.checkpoints()? {
        match About::from_bytes(&checkpoint.about) {
            Ok(about)
                if checkpoint.height <= decided.on.after && about.generation <= decided.on.base =>
            {
                from = about.ground().branch;
                has_way_back = true;
            }
            // One that cannot be read is of no use behind the branch either.
            _ => newer.push(checkpoint.number),
        }
    }
    let taken_back = armed::find(&decided.on.plan, archive)?;
    if !has_way_back {
        let why = "a generation is to be taken back, and no checkpoint of before can be read";
        return Err(RecoveryError::NoCheckpoint {
            why: why.to_owned(),
        });
    }
    let mut also = vec![armed::forgotten(&decided.on.plan)];
    // That its release was live stays known.
    also.extend(trust::taken_back(taken_back.as_ref(), archive)?);
    let point = decided.begin_branch(
        archive,
        Taken {
            last: store.last(),
            from,
            newer,
            also,
            artifacts: taken_back.map(|it| it.plan.artifacts()).unwrap_or_default(),
        },
    )?;
    let (branch, after, through) = (point.branch, point.after, point.through);
    tracing::warn!(
        %branch, %after, %through, code = point.code,
        "the node is rolled back: the blocks after this one are made anew by the code of before; {}",
        point.detail
    );
    Ok(())
}

/// The blocks of an old branch that are still to be made anew.
pub(crate) struct Redo {
    point: BranchPoint,
    /// A start before this one has made some of them.
    is_begun: bool,
}

impl Redo {
    /// Of the newest branch, if the log has not come to its end.
    pub(crate) fn of(
        points: &[BranchPoint],
        store: &dyn Store,
        archive: &dyn Archive,
    ) -> Result<Option<Self>, RecoveryError> {
        let Some(point) = points.last().filter(|point| store.last() < point.through) else {
            return Ok(None);
        };
        let next = store.last().next();
        match archive.old_block(next)? {
            Some(_) => Ok(Some(Self {
                point: point.clone(),
                is_begun: store.last() > point.after,
            })),
            None => Err(RecoveryError::Block {
                height: next,
                why: "the branch before has it no more, and it is to be made anew".to_owned(),
            }),
        }
    }

    /// The last block that stays.
    pub(crate) fn after(&self) -> Height {
        self.point.after
    }

    /// The last block that comes again.
    pub(crate) fn through(&self) -> Height {
        self.point.through
    }

    /// Up to this one each block that is made anew is in the log for good before it is executed, so that one that ends the
    /// node is found there. The first one always: a start that finds it knows that another has come before, and has
    /// ended on the way, and takes them one by one.
    pub(crate) fn one_by_one(&self) -> Height {
        match self.is_begun {
            true => self.point.through,
            false => self.point.after.next(),
        }
    }

    /// Compares what comes out with what was told.
    pub(crate) fn revision(&self, archive: &dyn Archive) -> Result<Revision, RecoveryError> {
        let mut told = Told::from_record(archive.record(TOLD)?.as_deref());
        // What the start before has compared, this one does not see.
        told.is_whole &= !self.is_begun;
        Ok(Revision::new(told, self.point.through))
    }

    /// The block that follows `ground`, with the entries of the old one at its height.
    pub(crate) fn block(
        &self,
        old: Block,
        ground: &Ground,
        archive: &dyn Archive,
    ) -> Result<Decided, String> {
        let height = ground.tip.height.next();
        let Block { header, entries } = old;
        let mut block = ground.extend(header.time, self.entries(height, entries, archive)?);
        if height == self.point.after.next() {
            block.header.outcome = Some(UpgradeOutcome {
                plan: self.point.plan,
                end: UpgradeEnd::Aborted {
                    code: self.point.code.clone(),
                },
            });
        }
        Ok(Decided::from_elsewhere(block))
    }

    /// Those of the old block, unless it ended the node again and was taken out of the log by an operator.
    fn entries(
        &self,
        height: Height,
        entries: Vec<Entry>,
        archive: &dyn Archive,
    ) -> Result<Vec<Entry>, String> {
        let aside = archive.record(&format!("aside/{height}"));
        let aside = aside.map_err(|fault| fault.to_string())?;
        let aside = aside.and_then(|bytes| SealedBlock::from_bytes(&bytes).ok());
        let is_aside = aside.is_some_and(|aside| aside.block.header.branch == self.point.branch);
        Ok(match is_aside {
            true => Vec::new(),
            false => entries,
        })
    }
}

/// All branch points, and the redo that they leave to do.
pub(crate) fn branches(
    store: &dyn Store,
) -> Result<(Vec<BranchPoint>, Option<Redo>), RecoveryError> {
    let Some(archive) = store.archive() else {
        return Ok((Vec::new(), None));
    };
    let points = branches::all(archive)?;
    let redo = Redo::of(&points, store, archive)?;
    Ok((points, redo))
}

/// The newest branch, if nobody was told of it yet.
pub(crate) fn unreported(archive: &dyn Archive) -> Result<Option<BranchPoint>, RecoveryError> {
    let newest = branches::all(archive)?.pop();
    Ok(newest.filter(|point| !point.is_reported))
}

/// It is in the report of its upgrade.
pub(crate) fn reported(point: BranchPoint, archive: &dyn Archive) -> Result<(), RecoveryError> {
    let point = BranchPoint {
        is_reported: true,
        ..point
    };
    let changes = vec![point.record()?, RecordChange::remove(TOLD)];
    Ok(archive.set_records(changes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::Generation;
    use refit_ordering::PlanDigest;

    #[test]
    fn a_start_behind_one_that_ended_on_the_way_takes_each_block_alone_and_the_first_start_the_first_one()
     {
        let redo = |is_begun| Redo {
            point: BranchPoint {
                branch: Branch(1),
                after: Height(7),
                plan: PlanDigest([0; 32]),
                generation: Generation(2),
                through: Height(90),
                code: String::new(),
                detail: String::new(),
                artifacts: Vec::new(),
                is_reported: false,
            },
            is_begun,
        };
        // In the log before it is executed: if it ends the node, or any behind it does, the next start finds it there.
        assert_eq!(redo(false).one_by_one(), Height(8));
        assert_eq!(redo(true).one_by_one(), Height(90));
    }
}
