//! [`Stopping`]: an upgrade for which the node stops: the driver ends behind the block at its height, and the next start of
//! the node carries the upgrade out before it serves.

use super::recall::Recall;
use super::waiting::{LetGo, goes};
use crossbeam_channel::Sender;
use refit_abi::Height;
use std::sync::Arc;

/// What the driver is to end for.
pub(crate) struct Stopping {
    /// The last block of the old code; `None`: whichever is the newest.
    pub(crate) at_height: Option<Height>,
    /// Tells the upgrade's own thread behind which block the driver ends, or why it does not.
    pub(crate) tell: Sender<Result<Height, LetGo>>,
    /// Whether it was taken back.
    pub(crate) recall: Arc<Recall>,
}

impl Stopping {
    /// Whether the driver ends behind block `now`. Once that is said, nobody takes it back any more.
    ///
    /// # Errors
    /// Why it never does.
    pub(crate) fn goes(&self, now: Height) -> Result<bool, LetGo> {
        goes(&self.recall, self.at_height, now)
    }

    /// Tells its thread.
    pub(crate) fn told(self, what: Result<Height, LetGo>) {
        // It has room for the one word; the thread waits for it, or nobody does any more.
        let _ = self.tell.try_send(what);
    }
}
