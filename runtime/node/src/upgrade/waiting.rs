//! [`Waiting`]: an armed upgrade on its way to the driver.

use super::point::{Point, Resumed};
use crossbeam_channel::Receiver;
use refit_abi::Height;
use refit_kernel::crew::{Baton, UpdatePoint};

/// An armed upgrade that waits for its height.
pub(crate) struct Waiting {
    point: Box<Point>,
    baton: Baton,
    at_height: Option<Height>,
    /// Hears when the gate is open again.
    resumed: Receiver<Resumed>,
}

impl Waiting {
    pub(crate) fn new(
        point: Box<Point>,
        baton: Baton,
        at_height: Option<Height>,
        resumed: Receiver<Resumed>,
    ) -> Self {
        Self {
            point,
            baton,
            at_height,
            resumed,
        }
    }

    /// The last block of the old code; `None`: whichever comes next.
    pub(crate) fn at_height(&self) -> Option<Height> {
        self.at_height
    }

    pub(crate) fn into_parts(self) -> (Box<dyn UpdatePoint>, Baton, Receiver<Resumed>) {
        (self.point, self.baton, self.resumed)
    }
}
