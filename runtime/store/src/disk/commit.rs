//! The thread that makes things durable: it takes all that waits, writes it in one transaction, and tells. While one
//! commit is under way the next group fills.
//!
//! A commit that fails is not tried again: nobody knows what the disk has. The store takes nothing more then, and
//! what waits is told why.

use super::newest::{Mark, Newest};
use super::queue::{Group, Order, Queue, What};
use super::tables::{self, BLOCKS, CHECKPOINTS, JOURNAL, Listed, OLD_BRANCH, fault};
use crate::{At, Committed, Fault, Keep, NewBranch, RecordChange, Step, Steps, Wake};
use parking_lot::Mutex;
use redb::{Database, WriteTransaction};
use refit_abi::Height;
use std::sync::Arc;

/// Most blocks that one commit removes, so that no other block waits long for that.
const REMOVED_PER_COMMIT_MAX: usize = 512;

/// The beginning of the names of records that were blocks.
const ASIDE: &str = "aside/";

/// What the thread shares with its store.
pub(super) struct Shared {
    pub(super) db: Database,
    pub(super) queue: Queue,
    pub(super) wake: Mutex<Option<Wake>>,
}

/// The thread's own.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) steps: Arc<dyn Steps>,
    /// Blocks up to this one are needed by no checkpoint.
    pub(super) needless: Height,
    /// There may be such blocks.
    pub(super) more: bool,
    /// Bytes of the records that the journal keeps.
    pub(super) journal_bytes: u64,
    /// How far the newest commit came.
    pub(super) mark: Mark,
    /// Where it is noted.
    pub(super) newest: Option<Newest>,
}

impl Committer {
    pub(super) fn run(mut self) {
        while let Some(group) = self.shared.queue.next(self.more) {
            let blocks = group.blocks.len();
            match self.commit(&group) {
                Ok(told) => {
                    self.shared.queue.committed(blocks);
                    for (order, number) in group.orders.into_iter().zip(told) {
                        // Its owner may have gone.
                        let _ = order.done.send(Ok(number));
                    }
                    if blocks > 0 {
                        self.wake();
                    }
                }
                Err(why) => {
                    tracing::error!("the store takes nothing more: {why}");
                    for order in group.orders {
                        let _ = order.done.send(Err(why.clone()));
                    }
                    self.shared.queue.fail(why);
                    return self.wake();
                }
            }
        }
        self.shared.queue.fail(Fault::Ended);
    }

    fn wake(&self) {
        if let Some(wake) = &*self.shared.wake.lock() {
            wake();
        }
    }

    /// One transaction: all of the group, or nothing of it.
    fn commit(&mut self, group: &Group) -> Result<Vec<u64>, Fault> {
        let prunes = self.more;
        let txn = self.shared.db.begin_write().map_err(fault)?;
        self.blocks(&txn, group)?;
        let mut told = Vec::with_capacity(group.orders.len());
        for order in &group.orders {
            told.push(self.order(&txn, order)?);
        }
        if !group.orders.is_empty() {
            self.mark.count(&txn)?;
        }
        self.hear(group, prunes, At::Begins);
        txn.commit().map_err(fault)?;
        self.note(group);
        self.hear(group, prunes, At::Done);
        Ok(told)
    }

    /// Notes how far the commit of a group came, which is durable.
    fn note(&mut self, group: &Group) {
        self.mark.height = through(group).unwrap_or(self.mark.height);
        let noted = self.newest.as_ref().map(|it| it.note(self.mark));
        if let Some(Err(error)) = noted {
            tracing::warn!(
                "how far the log has come is noted no longer: a loss of it would not be seen: {error}"
            );
            self.newest = None;
        }
    }

    /// Says which things the commit of a group is about, one after the other.
    fn hear(&self, group: &Group, prunes: bool, at: At) {
        let say = |what| self.steps.at(Step::Commit { what, at });
        if !group.blocks.is_empty() {
            say(Committed::Blocks);
        }
        if prunes {
            say(Committed::Prune);
        }
        for order in &group.orders {
            match &order.what {
                What::Journal(_) => say(Committed::Journal),
                What::Records(changes) => {
                    for change in changes {
                        say(match change.content {
                            Some(_) => Committed::Put(&change.name),
                            None => Committed::Remove(&change.name),
                        });
                    }
                }
                What::Keep { .. } => say(Committed::Keep),
                What::Drop { .. } => say(Committed::Drop),
                What::SetAside { .. } => say(Committed::SetAside),
                What::Branch(_) => say(Committed::Branch),
            }
        }
    }

    fn blocks(&mut self, txn: &WriteTransaction, group: &Group) -> Result<(), Fault> {
        if group.blocks.is_empty() && !self.more {
            return Ok(());
        }
        let mut table = txn.open_table(BLOCKS).map_err(fault)?;
        for (height, block) in (group.first.0..).zip(&group.blocks) {
            table.insert(height, &**block).map_err(fault)?;
        }
        if self.more {
            self.more =
                tables::remove_through(&mut table, self.needless.0, REMOVED_PER_COMMIT_MAX)?;
        }
        Ok(())
    }

    /// Lists a checkpoint, changes the records that change with it, and forgets those that are kept no longer.
    fn keep(&mut self, txn: &WriteTransaction, number: u64, keep: &Keep) -> Result<(), Fault> {
        tables::change(txn, &keep.changes)?;
        let mut table = txn.open_table(CHECKPOINTS).map_err(fault)?;
        let new = Listed {
            number,
            height: keep.height,
            about: keep.about.clone(),
        };
        tables::list(&mut table, &new)?;
        let listed = tables::checkpoints(&table)?;
        let older = listed.len().saturating_sub(super::CHECKPOINTS_KEPT);
        let mut older = listed[..older].iter();
        let mut oldest = listed.get(older.len());
        for checkpoint in older.by_ref().rev() {
            match keep.also == Some(checkpoint.number) {
                true => oldest = Some(checkpoint),
                false => drop(table.remove(checkpoint.number).map_err(fault)?),
            }
        }
        if let Some(oldest) = oldest {
            // Removed with one of the next commits: if this one fails nothing is missing.
            (self.needless, self.more) = (oldest.height, true);
        }
        Ok(())
    }

    /// Adds a record, and forgets the oldest beyond what is kept; gives the new one's index.
    fn journal(&mut self, txn: &WriteTransaction, record: &[u8]) -> Result<u64, Fault> {
        let mut table = txn.open_table(JOURNAL).map_err(fault)?;
        let mut ends = tables::ends(&table)?;
        let index = ends.map_or(0, |(_, last)| last + 1);
        self.journal_bytes += record.len() as u64;
        while let Some((first, last)) = ends
            && (index - first >= super::JOURNAL_RECORDS_KEPT
                || self.journal_bytes > super::JOURNAL_BYTES_KEPT)
        {
            let gone = table.remove(first).map_err(fault)?;
            let bytes = gone.map_or(0, |gone| gone.value().len() as u64);
            self.journal_bytes = self.journal_bytes.saturating_sub(bytes);
            ends = (first < last).then_some((first + 1, last));
        }
        table.insert(index, record).map_err(fault)?;
        Ok(index)
    }

    fn order(&mut self, txn: &WriteTransaction, order: &Order) -> Result<u64, Fault> {
        match &order.what {
            What::Journal(record) => self.journal(txn, record),
            What::Records(changes) => tables::change(txn, changes).map(|()| 0),
            What::Keep { number, keep } => self.keep(txn, *number, keep).map(|()| 0),
            What::SetAside { height } => set_aside(txn, *height),
            What::Branch(new) => begin_branch(txn, new).map(|()| 0),
            What::Drop { number } => {
                let mut table = txn.open_table(CHECKPOINTS).map_err(fault)?;
                table.remove(number).map_err(fault)?;
                Ok(0)
            }
        }
    }
}

/// The newest block behind a group, if it adds blocks or takes some off the log.
fn through(group: &Group) -> Option<Height> {
    let blocks = group.blocks.len() as u64;
    let added = (blocks > 0).then(|| Height(group.first.0 + blocks - 1));
    let taken_off = group.orders.iter().filter_map(|order| match &order.what {
        What::SetAside { height } => Some(Height(height.0.saturating_sub(1))),
        What::Branch(new) => Some(new.after),
        _ => None,
    });
    taken_off.max().or(added)
}

/// Makes the blocks behind one the old branch. Only the fewer ones are written anew: those behind it go out of the log,
/// or the log becomes the old branch and those up to it come back.
fn begin_branch(txn: &WriteTransaction, new: &NewBranch) -> Result<(), Fault> {
    txn.delete_table(OLD_BRANCH).map_err(fault)?;
    let ends = tables::ends(&txn.open_table(BLOCKS).map_err(fault)?)?;
    let (after, behind) = (new.after.0, new.after.next().0);
    let leave_fewer = ends.is_none_or(|(first, last)| {
        let (stay, leave) = (behind.saturating_sub(first), last.saturating_sub(after));
        leave <= stay
    });
    if !leave_fewer {
        txn.rename_table(BLOCKS, OLD_BRANCH).map_err(fault)?;
    }
    let mut blocks = txn.open_table(BLOCKS).map_err(fault)?;
    let mut old = txn.open_table(OLD_BRANCH).map_err(fault)?;
    match leave_fewer {
        true => tables::move_blocks(&mut blocks, &mut old, behind..=u64::MAX)?,
        false => tables::move_blocks(&mut old, &mut blocks, 0..=after)?,
    }
    let mut checkpoints = txn.open_table(CHECKPOINTS).map_err(fault)?;
    for number in &new.checkpoints {
        checkpoints.remove(number).map_err(fault)?;
    }
    tables::change(txn, &new.changes)
}

/// Makes a record of a block.
fn set_aside(txn: &WriteTransaction, height: Height) -> Result<u64, Fault> {
    let mut blocks = txn.open_table(BLOCKS).map_err(fault)?;
    let Some(block) = blocks.remove(height.0).map_err(fault)? else {
        return Ok(0);
    };
    let aside = RecordChange::put(format!("{ASIDE}{height}"), block.value().to_vec());
    tables::change(txn, &[aside]).map(|()| 0)
}
