//! [`Waiting`]: an armed upgrade on its way to the driver, and why it may come back from there.

use super::point::{Point, Resumed};
use super::recall::{Recall, RecallReason};
use crossbeam_channel::{Receiver, Sender};
use refit_abi::Height;
use refit_kernel::crew::{Baton, UpdatePoint};
use refit_ordering::{Entry, ManifestHash, PlanDigest};
use std::sync::Arc;
use std::time::Instant;

/// The change that an armed upgrade makes to the chain, known before its pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Becomes {
    /// The plan.
    pub(crate) plan: PlanDigest,
    /// The code that is live once it is committed.
    pub(crate) manifest: ManifestHash,
    /// For so many blocks it can be taken back; 0: not at all.
    pub(crate) probation_blocks: u64,
}

/// An armed upgrade that waits for its height.
pub(crate) struct Waiting {
    pub(crate) point: Box<Point>,
    pub(crate) baton: Baton,
    /// The last block of the old code; `None`: whichever is the newest.
    pub(crate) at_height: Option<Height>,
    /// Its change to the chain.
    pub(crate) becomes: Becomes,
    /// The entry that announces its plan, until it is on its way into a block.
    pub(crate) entry: Option<Entry>,
    /// Hears when the gate is open again.
    pub(crate) resumed: Receiver<Resumed>,
    /// Tells the upgrade's own thread when the block after it begins.
    pub(crate) next_block: Sender<Instant>,
    /// Tells the upgrade's own thread why it was let go.
    pub(crate) let_go: Sender<LetGo>,
    /// Whether it was taken back.
    pub(crate) recall: Arc<Recall>,
}

/// Why an armed upgrade does not reach its update point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LetGo {
    /// The block after its height is made.
    TooLate {
        /// Its height.
        planned: Height,
        /// The newest block.
        now: Height,
    },
    /// It was taken back.
    TakenBack(RecallReason),
    /// The block that follows says that it was aborted.
    Aborted {
        /// The height of that block.
        height: Height,
        /// The stable word for why.
        code: String,
    },
}

/// The parts of the upgrade that the driver needs at its update point.
pub(crate) struct Parts {
    pub(crate) point: Box<dyn UpdatePoint>,
    pub(crate) baton: Baton,
    pub(crate) resumed: Receiver<Resumed>,
    pub(crate) next_block: Sender<Instant>,
}

/// Whether an upgrade for this height goes on after block `now`. Once that is said, nobody takes it back any more.
pub(super) fn goes(recall: &Recall, at_height: Option<Height>, now: Height) -> Result<bool, LetGo> {
    if let Some(why) = recall.taken_back() {
        return Err(LetGo::TakenBack(why));
    }
    match at_height {
        Some(planned) if planned < now => Err(LetGo::TooLate { planned, now }),
        Some(planned) if planned > now => Ok(false),
        _ => recall.goes().map(|()| true).map_err(LetGo::TakenBack),
    }
}

impl Waiting {
    /// Whether it goes to its update point after block `now`. Once that is said, nobody takes it back any more.
    ///
    /// # Errors
    /// Why it never does.
    pub(crate) fn goes(&self, now: Height) -> Result<bool, LetGo> {
        goes(&self.recall, self.at_height, now)
    }

    /// Whether it goes to its update point because a decided block says that it did. Nobody takes it back then.
    ///
    /// # Errors
    /// [`LetGo::TakenBack`].
    pub(crate) fn goes_as_decided(&self) -> Result<(), LetGo> {
        self.recall.goes().map_err(LetGo::TakenBack)
    }

    /// Gives it back to its thread, unused.
    pub(crate) fn let_go(self, why: LetGo) {
        // It has room for the one reason; the thread waits for it, or nobody does any more.
        let _ = self.let_go.try_send(why);
    }

    pub(crate) fn into_parts(self) -> Parts {
        Parts {
            point: self.point,
            baton: self.baton,
            resumed: self.resumed,
            next_block: self.next_block,
        }
    }
}
