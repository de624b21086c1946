//! [`OnDuty`]: the time at which a crew gets the executor, for the thread that started it and waits.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::time::Instant;

/// The time at which a crew comes on duty.
#[derive(Debug)]
pub struct OnDuty(Receiver<TookOver>);

/// One crew has taken over from another. No block ran meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TookOver {
    /// When the one before was done.
    pub left: Instant,
    /// When this one had the executor.
    pub came: Instant,
}

/// When a leader was done with the executor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done(Instant);

impl Done {
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }
}

/// The leader's end of it.
#[derive(Debug)]
pub(super) struct Comes(Sender<TookOver>);

pub(super) fn pair() -> (Comes, OnDuty) {
    let (sender, receiver) = bounded(1);
    (Comes(sender), OnDuty(receiver))
}

impl OnDuty {
    /// Waits until the crew has been handed the executor, and gives when that was; `None` if it never is.
    pub fn wait(self) -> Option<TookOver> {
        self.0.recv().ok()
    }
}

impl Comes {
    /// The crew has it now; the one before was done when it left.
    pub(super) fn now(&self, Done(left): Done) {
        let came = Instant::now();
        // Nobody may wait for it.
        let _ = self.0.try_send(TookOver { left, came });
    }
}
