//! [`Waiting`]: an armed upgrade on its way to the driver, and why it may come back from there.

use super::point::{Point, Resumed};
use crossbeam_channel::{Receiver, Sender};
use refit_abi::Height;
use refit_kernel::crew::{Baton, UpdatePoint};

/// An armed upgrade that waits for its height.
pub(crate) struct Waiting {
    pub(crate) point: Box<Point>,
    pub(crate) baton: Baton,
    /// The last block of the old code; `None`: whichever is the newest.
    pub(crate) at_height: Option<Height>,
    /// Hears when the gate is open again.
    pub(crate) resumed: Receiver<Resumed>,
    /// Where the upgrade's own thread hears why it was let go.
    pub(crate) let_go: Sender<LetGo>,
}

/// Why an armed upgrade does not come to its update point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LetGo {
    /// The block after its height is made.
    TooLate {
        /// Its height.
        planned: Height,
        /// The newest block.
        now: Height,
    },
}

impl Waiting {
    /// Whether it has come to its height, if it is not past it.
    pub(crate) fn is_due(&self, now: Height) -> Result<bool, LetGo> {
        match self.at_height {
            Some(planned) if planned < now => Err(LetGo::TooLate { planned, now }),
            Some(planned) => Ok(planned == now),
            None => Ok(true),
        }
    }

    /// Gives it back to its thread, unused.
    pub(crate) fn let_go(self, why: LetGo) {
        // It has room for the one reason; the thread waits for it, or nobody does any more.
        let _ = self.let_go.try_send(why);
    }

    pub(crate) fn into_parts(self) -> (Box<dyn UpdatePoint>, Baton, Receiver<Resumed>) {
        (self.point, self.baton, self.resumed)
    }
}
