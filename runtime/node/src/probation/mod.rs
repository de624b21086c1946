//! [`Probation`]: the time after an upgrade in which it can be taken back whole.
//!
//! ```text
//!  block H ── upgrade ── H+1 … H+N ──▶ permanent: the way back is forward, as the next generation
//!                         │    └────── confirmed: the same, at once
//!                         └─ rolled back ([`order`]): the node starts anew, its log begins a branch ([`branches`]) behind
//!                            block H, the same entries are carried out by the code of before, and what clients were
//!                            told ([`told`]) is compared with what comes out now ([`revision`])
//! ```
//!
//! One generation is on probation at a time; another plan is refused meanwhile. A node whose store does not outlive
//! it has none. Nothing but the log and the records decides: a node that starts finds itself on probation where it was.

pub(crate) mod branches;
pub(crate) mod order;
pub(crate) mod revision;
pub(crate) mod told;

use parking_lot::{Mutex, MutexGuard};
use refit_abi::{EngineId, Generation, Height};
use refit_kernel::{BlockOutcome, Replied};
use refit_ordering::PlanDigest;
use refit_store::{Archive, Fault, RecordChange};
use revision::Revision;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use told::Told;

/// Has the node stop and start again.
pub type OnRollBack = dyn Fn() + Send + Sync;

/// What a panic of an engine's does while the generation is on probation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPanic {
    /// The engine is poisoned, as ever, and an operator decides.
    #[default]
    Poison,
    /// The generation is taken back, unless the code of before panics there too.
    RollBack,
    /// The node executes no more blocks until an operator decides.
    Halt,
}

/// When the replies of a generation on probation leave the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replies {
    /// As ever: what was told may come out differently once the generation is taken back.
    #[default]
    Leave,
    /// When it is permanent: nothing that was told is revised, and clients wait as long.
    Held,
}

/// The name of the record that says which upgrade was confirmed.
const CONFIRMED: &str = "confirmed";

/// What the driver sees on probation, and another thread acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// An engine has panicked.
    Panicked { engine: EngineId, height: Height },
    /// The last block is executed: the states are checked before the generation is permanent.
    IsOver { height: Height },
}

/// A generation that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnProbation {
    /// The plan that brought it.
    pub(crate) plan: PlanDigest,
    /// The generation before.
    pub(crate) base: Generation,
    /// The last block of that one.
    pub(crate) after: Height,
    /// The block with which it is permanent.
    pub(crate) until: Height,
}

/// Which upgrade an operator has confirmed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Confirmed {
    plan: PlanDigest,
    after: Height,
}

/// Whether the live generation is on probation, and what clients were told since it is live.
#[derive(Debug, Default)]
pub(crate) struct Probation {
    on: Mutex<Option<OnProbation>>,
    /// The same, for the driver, which looks often.
    is_on: AtomicBool,
    confirmed: Mutex<Option<Confirmed>>,
    told: Mutex<Told>,
    /// While the blocks of an old branch are made anew.
    revision: Mutex<Option<Revision>>,
    /// A roll-back is being decided, or is: the next start carries it out.
    is_ordered: AtomicBool,
    /// A panic is looked into that may have it taken back.
    is_alarmed: AtomicBool,
    /// Its end has come, and the states are checked; or they were, and it is not permanent.
    is_checked: AtomicBool,
    /// Why it is not: a state that does not pass.
    unsound: Mutex<Option<String>>,
    /// Held while an operator's word on it is carried out: one at a time.
    deciding: Mutex<()>,
    /// Its replies leave when it is permanent.
    holds: bool,
    /// The node stops: what is held back does not leave in this life.
    lets_go: AtomicBool,
}

impl Probation {
    /// As a data folder says: the newest checkpoint was on this probation.
    ///
    /// # Errors
    /// [`Fault`] if its records cannot be read.
    pub(crate) fn of_folder(
        on: Option<OnProbation>,
        archive: Option<&dyn Archive>,
        replies: Replies,
    ) -> Result<Self, Fault> {
        let this = Self {
            holds: replies == Replies::Held,
            ..Self::default()
        };
        if let Some(archive) = archive {
            let confirmed = archive.record(CONFIRMED)?;
            let read = |bytes: Vec<u8>| postcard::from_bytes::<Confirmed>(&bytes).ok();
            *this.confirmed.lock() = confirmed.and_then(read);
        }
        if let Some(on) = on {
            // What was told between the upgrade and the checkpoint nobody knows any more.
            this.told.lock().is_whole = false;
            this.is_on.store(!this.is_confirmed(&on), Ordering::Release);
            *this.on.lock() = Some(on).filter(|on| !this.is_confirmed(on));
        }
        Ok(this)
    }

    /// Whether it was made permanent by an operator's word.
    pub(crate) fn is_confirmed(&self, on: &OnProbation) -> bool {
        let confirmed = Confirmed {
            plan: on.plan,
            after: on.after,
        };
        *self.confirmed.lock() == Some(confirmed)
    }

    /// A generation is live that can be taken back. The one before is permanent, whatever the folder says of it: else no
    /// upgrade had followed it.
    pub(crate) fn begins(&self, on: OnProbation) {
        let _permanent = self.ended(&mut self.on.lock());
        if self.is_confirmed(&on) || on.until <= on.after {
            return;
        }
        // What was found on the probation before says nothing of this one.
        self.alarm(false);
        self.not_checked();
        *self.unsound.lock() = None;
        *self.told.lock() = Told::default();
        *self.on.lock() = Some(on);
        self.is_on.store(true, Ordering::Release);
    }

    /// The node stops: nobody waits any more for what is held back.
    pub(crate) fn lets_go(&self) {
        self.lets_go.store(true, Ordering::Release);
    }

    /// Whether what is held back does not leave in this life.
    pub(crate) fn is_let_go(&self) -> bool {
        self.is_ordered() || self.lets_go.load(Ordering::Acquire)
    }

    /// Whether there is one. Cheap.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// The one that holds replies back, if one does.
    pub(crate) fn holding(&self) -> Option<OnProbation> {
        match self.holds && self.is_on() {
            true => self.now(),
            false => None,
        }
    }

    /// The one that there is.
    pub(crate) fn now(&self) -> Option<OnProbation> {
        self.on.lock().clone()
    }

    /// The block at `height` is executed; whether its end has come with it, and nobody looks into it yet.
    pub(crate) fn is_over(&self, height: Height) -> bool {
        if !self.is_on() {
            return false;
        }
        let now = self.on.lock();
        let over = now.as_ref().is_some_and(|on| on.until <= height);
        // Once it is to be taken back it does not become permanent meanwhile: looked at under the lock.
        over && !self.is_ordered()
            && !self.is_alarmed.load(Ordering::Acquire)
            && !self.is_checked.swap(true, Ordering::AcqRel)
    }

    /// The states could not be checked: the next block has its end come again.
    pub(crate) fn not_checked(&self) {
        self.is_checked.store(false, Ordering::Release);
    }

    /// A state does not pass: the generation stays on probation until an operator decides.
    pub(crate) fn is_unsound(&self, why: String) {
        *self.unsound.lock() = Some(why);
    }

    /// Why it does not become permanent, if that is so.
    pub(crate) fn unsound(&self) -> Option<String> {
        self.unsound.lock().clone()
    }

    fn ended(&self, now: &mut Option<OnProbation>) -> Option<OnProbation> {
        self.is_on.store(false, Ordering::Release);
        *self.told.lock() = Told::default();
        *self.unsound.lock() = None;
        now.take()
    }

    /// Makes the generation permanent; durable when this returns. Gives the probation that is over.
    ///
    /// # Errors
    /// [`Fault`]; it is on probation still.
    pub(crate) fn confirm(&self, archive: &dyn Archive) -> Result<Option<OnProbation>, Fault> {
        let Some(on) = self.now() else {
            return Ok(None);
        };
        let confirmed = Confirmed {
            plan: on.plan,
            after: on.after,
        };
        let content = postcard::to_allocvec(&confirmed).map_err(|error| Fault::Disk {
            detail: error.to_string(),
        })?;
        archive.set_records(vec![RecordChange::put(CONFIRMED, content)])?;
        *self.confirmed.lock() = Some(confirmed);
        Ok(self.ended(&mut self.on.lock()))
    }

    /// Notes what clients are told while a generation is on probation.
    pub(crate) fn tells(&self, height: Height, replies: &[Replied]) {
        // What is held back was told to nobody.
        if !self.holds && self.is_on() && self.now().is_some_and(|on| on.after < height) {
            self.told.lock().add(replies);
        }
    }

    /// A roll-back was decided.
    pub(crate) fn is_ordered(&self) -> bool {
        self.is_ordered.load(Ordering::Acquire)
    }

    /// A panic is looked into: until it is decided, the generation does not become permanent by itself.
    pub(crate) fn alarm(&self, is_alarmed: bool) {
        self.is_alarmed.store(is_alarmed, Ordering::Release);
    }

    /// One is being decided about this probation, and from here on it does not end; false if it has ended.
    pub(crate) fn order(&self, on: &OnProbation) -> bool {
        let now = self.on.lock();
        let is_it = now.as_ref() == Some(on);
        self.is_ordered.store(is_it, Ordering::Release);
        is_it
    }

    /// It is not decided after all.
    pub(crate) fn not_ordered(&self) {
        self.is_ordered.store(false, Ordering::Release);
    }

    /// Keeps all others from deciding until it is dropped.
    pub(crate) fn decide(&self) -> MutexGuard<'_, ()> {
        self.deciding.lock()
    }

    /// The last thing that a node writes that is rolled back: what its clients were told.
    pub(crate) fn leave(&self, archive: &dyn Archive) {
        if !self.is_ordered() {
            return;
        }
        if let Err(fault) = archive.set_records(vec![self.told()]) {
            tracing::error!(
                "what clients were told is not compared with what comes out now: {fault}"
            );
        }
    }

    /// What its clients were told by now.
    pub(crate) fn told(&self) -> RecordChange {
        self.told.lock().to_record()
    }

    /// The blocks of an old branch are made anew from here on.
    pub(crate) fn revises(&self, revision: Revision) {
        *self.revision.lock() = Some(revision);
    }

    /// Compares the replies of blocks that are made anew, in their order; those that were compared are passed over.
    pub(crate) fn compare<'a>(&self, outcomes: impl IntoIterator<Item = &'a BlockOutcome>) {
        if let Some(revision) = &mut *self.revision.lock() {
            outcomes.into_iter().for_each(|it| revision.compare(it));
        }
    }

    /// Whether the block at `height` is the last that is made anew: whoever goes on behind it asks what came out.
    pub(crate) fn is_last_anew(&self, height: Height) -> bool {
        let revision = self.revision.lock();
        revision.as_ref().is_some_and(|it| it.ends_with(height))
    }

    /// They are made.
    pub(crate) fn revised(&self) -> Option<Revision> {
        self.revision.lock().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(after: u64, until: u64) -> OnProbation {
        OnProbation {
            plan: PlanDigest([1; 32]),
            base: Generation(1),
            after: Height(after),
            until: Height(until),
        }
    }

    #[test]
    fn the_end_comes_with_the_last_block_and_is_looked_into_once() {
        let probation = Probation::default();
        probation.begins(on(5, 8));
        assert!(!probation.is_over(Height(7)));
        assert!(probation.is_over(Height(8)));
        assert!(!probation.is_over(Height(9)), "it is looked into");
        assert!(probation.is_on());
        probation.not_checked();
        assert!(probation.is_over(Height(9)));
        probation.is_unsound("why".to_owned());
        assert_eq!(probation.unsound().as_deref(), Some("why"));
        probation.begins(on(9, 12));
        assert_eq!(probation.unsound(), None);
    }

    #[test]
    fn it_is_permanent_once_that_is_written_down_and_so_it_begins_no_second_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = refit_store::DiskStore::open(folder.path()).unwrap();
        let archive = refit_store::Store::archive(&store).unwrap();
        let probation = Probation::default();
        probation.begins(on(5, 8));
        assert_eq!(probation.confirm(archive).unwrap(), Some(on(5, 8)));
        assert!(!probation.is_on());
        assert_eq!(probation.now(), None);
        probation.begins(on(5, 8));
        assert!(!probation.is_on(), "a log that is executed again");
        let again = Probation::of_folder(Some(on(5, 8)), Some(archive), Replies::Leave).unwrap();
        assert!(!again.is_on());
        assert!(again.is_confirmed(&on(5, 8)));
    }

    #[test]
    fn of_two_generations_that_were_confirmed_neither_is_on_probation_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = refit_store::DiskStore::open(folder.path()).unwrap();
        let archive = refit_store::Store::archive(&store).unwrap();
        let second = OnProbation {
            plan: PlanDigest([2; 32]),
            base: Generation(2),
            ..on(9, 900)
        };
        let probation = Probation::default();
        for one in [on(5, 800), second.clone()] {
            probation.begins(one.clone());
            assert_eq!(probation.confirm(archive).unwrap(), Some(one));
        }
        // The newest checkpoint is of before the second one; the log has its upgrade.
        let again = Probation::of_folder(Some(on(5, 800)), Some(archive), Replies::Leave).unwrap();
        again.begins(second);
        assert_eq!((again.is_on(), again.now()), (false, None));
    }

    #[test]
    fn no_blocks_are_no_probation() {
        let probation = Probation::default();
        probation.begins(on(5, 5));
        assert!(!probation.is_on());
    }

    #[test]
    fn what_is_to_be_taken_back_does_not_become_permanent_meanwhile() {
        let probation = Probation::default();
        probation.begins(on(5, 8));
        assert!(!probation.order(&on(4, 8)), "another one");
        assert!(probation.order(&on(5, 8)));
        assert!(!probation.is_over(Height(9)));
        probation.not_ordered();
        assert!(probation.is_over(Height(9)));
        probation.alarm(true);
        probation.begins(on(9, 12));
        assert!(probation.is_over(Height(12)), "an older alarm");
    }
}
