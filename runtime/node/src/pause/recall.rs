//! [`Recall`]: whether an upgrade is taken back. The first to act decides, once: the operator, or the driver that
//! brings the upgrade to its update point.

use std::sync::atomic::{AtomicU8, Ordering};

/// Nobody has decided yet.
const OPEN: u8 = 0;
/// The operator has taken it back: it never reaches its update point.
const TAKEN_BACK: u8 = 1;
/// The driver brings it to its update point: nobody can take it back any more.
const GOES: u8 = 2;

/// Whether one upgrade is taken back.
#[derive(Debug, Default)]
pub(crate) struct Recall(AtomicU8);

impl Recall {
    /// Takes the upgrade back; false if its gate closes.
    pub(crate) fn take_back(&self) -> bool {
        self.decide(TAKEN_BACK)
    }

    /// The upgrade goes to its update point; false if it was taken back.
    pub(super) fn goes(&self) -> bool {
        self.decide(GOES)
    }

    /// Whether the operator has taken it back.
    pub(crate) fn is_taken_back(&self) -> bool {
        self.0.load(Ordering::Acquire) == TAKEN_BACK
    }

    fn decide(&self, to: u8) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        match self.0.compare_exchange(OPEN, to, success, failure) {
            Ok(_) => true,
            Err(decided) => decided == to,
        }
    }
}
