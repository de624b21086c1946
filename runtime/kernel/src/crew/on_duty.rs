//! [`OnDuty`]: when a crew has been handed the executor, for whoever started it and waits.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::time::Instant;

/// When a crew comes on duty.
#[derive(Debug)]
pub struct OnDuty(Receiver<Instant>);

/// The leader's end of it.
#[derive(Debug)]
pub(super) struct Comes(Sender<Instant>);

pub(super) fn pair() -> (Comes, OnDuty) {
    let (sender, receiver) = bounded(1);
    (Comes(sender), OnDuty(receiver))
}

impl OnDuty {
    /// Waits until the crew has been handed the executor, and gives when that was; `None` if it never is.
    pub fn wait(self) -> Option<Instant> {
        self.0.recv().ok()
    }
}

impl Comes {
    /// The crew has it.
    pub(super) fn now(&self) {
        // Nobody may wait for it.
        let _ = self.0.try_send(Instant::now());
    }
}
