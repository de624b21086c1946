//! [`Revision`]: the same entries again under the code of before, and which replies come out differently from what
//! clients were told.

use super::told::{self, AskerHash, ReplyHash, Told};
use refit_abi::{EngineId, Height};
use refit_kernel::{Asker, BlockOutcome, Replied, Wrong};
use std::collections::{BTreeSet, HashMap};

/// Revised replies that are named; all are counted.
pub(crate) const REVISED_SHOWN_MAX: usize = 100;

/// A reply that comes out differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevisedReply {
    /// The block that has it now.
    pub(crate) height: Height,
    pub(crate) engine: EngineId,
    pub(crate) asker: Asker,
}

/// What was told, and what comes out now.
#[derive(Debug)]
pub(crate) struct Revision {
    told: HashMap<AskerHash, ReplyHash>,
    /// The last block that is made anew.
    through: Height,
    /// The last one that was compared.
    compared: Height,
    /// Replies that came out as they were told.
    pub(crate) same: u64,
    /// Replies that did not.
    pub(crate) revised: u64,
    /// The first of those.
    pub(crate) shown: Vec<RevisedReply>,
    /// Whether all that was told is known.
    pub(crate) is_whole: bool,
    /// Engines that panicked, whatever became of them later.
    pub(crate) poisoned: BTreeSet<EngineId>,
}

impl Revision {
    pub(crate) fn new(told: Told, through: Height) -> Self {
        Self {
            is_whole: told.is_whole && told.more == 0,
            told: told.replies.into_iter().collect(),
            through,
            compared: Height(0),
            same: 0,
            revised: 0,
            shown: Vec::new(),
            poisoned: BTreeSet::new(),
        }
    }

    /// Whether nothing is made anew behind the block at `height`.
    pub(crate) fn ends_with(&self, height: Height) -> bool {
        height >= self.through
    }

    /// Compares the replies of a block, once. They come in their order.
    pub(crate) fn compare(&mut self, outcome: &BlockOutcome) {
        if outcome.height > self.compared && outcome.height <= self.through {
            self.compared = outcome.height;
            let replies = outcome.replies.iter().filter(|reply| !reply.repeated);
            replies.for_each(|replied| self.one(outcome.height, replied));
            let troubles = outcome.troubles.iter();
            let poisoned = troubles.filter(|it| matches!(it.what, Wrong::Poisoned { .. }));
            self.poisoned.extend(poisoned.map(|trouble| trouble.engine));
        }
    }

    fn one(&mut self, height: Height, replied: &Replied) {
        match self.told.remove(&told::asker(&replied.asker)) {
            Some(told) if told == told::reply(replied) => self.same += 1,
            Some(_) => {
                self.revised += 1;
                if self.shown.len() < REVISED_SHOWN_MAX {
                    self.shown.push(RevisedReply {
                        height,
                        engine: replied.engine,
                        asker: replied.asker,
                    });
                }
            }
            // It was answered, and did not leave the node before it ended.
            None => {}
        }
    }

    /// Replies that were told, and that nobody gets now.
    pub(crate) fn lost(&self) -> u64 {
        self.told.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::Generation;
    use refit_kernel::Entry;

    fn replied(index: u64, said: &[u8]) -> Replied {
        Replied {
            asker: Asker::Keyless(Entry {
                height: Height(7),
                index,
            }),
            engine: EngineId::from_bytes([1; 16]),
            height: Height(7),
            generation: Generation(1),
            repeated: false,
            outcome: Ok(said.to_vec()),
        }
    }

    fn block(height: u64, replies: Vec<Replied>) -> BlockOutcome {
        BlockOutcome {
            height: Height(height),
            replies,
            ..BlockOutcome::default()
        }
    }

    #[test]
    fn a_reply_that_comes_out_differently_is_named_and_one_that_nobody_gets_is_counted() {
        let mut told = Told::default();
        told.add(&[replied(0, b"one"), replied(1, b"two"), replied(2, b"three")]);
        let mut revision = Revision::new(told, Height(9));
        let now = vec![replied(0, b"one"), replied(1, b"other"), replied(3, b"new")];
        revision.compare(&block(7, now));
        revision.compare(&block(10, vec![replied(2, b"of a later block")]));
        assert_eq!((revision.same, revision.revised), (1, 1));
        assert_eq!(revision.shown[0].asker, replied(1, b"").asker);
        assert_eq!(revision.lost(), 1);
        assert!(revision.is_whole);
    }

    #[test]
    fn what_nobody_remembers_is_not_taken_for_the_same() {
        let lost = Told::from_record(None);
        assert!(!Revision::new(lost, Height(9)).is_whole);
        let mut told = Told::default();
        told.add(&[replied(0, b"one")]);
        let read = told.to_record().content;
        let read = Told::from_record(read.as_deref());
        assert_eq!(read, told);
        assert!(Revision::new(read, Height(9)).is_whole);
    }
}
