//! [`Recall`]: whether an upgrade is taken back, and why. The first to act decides, once: whoever takes it back, or the driver that
//! brings the upgrade to its update point.

use std::sync::atomic::{AtomicU8, Ordering};

/// Nobody has decided yet.
const OPEN: u8 = 0;
/// The driver brings it to its update point: nobody can take it back any more.
const GOES: u8 = 1;

/// Why an upgrade is taken back: it never reaches its update point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RecallReason {
    /// An operator says so, or whoever waited for it has gone.
    Operator = 2,
    /// Its release was revoked.
    Revoked = 3,
    /// The keyset that counts now does not sign its release.
    NotSigned = 4,
}

/// Whether one upgrade is taken back.
#[derive(Debug, Default)]
pub(crate) struct Recall(AtomicU8);

impl Recall {
    /// Takes the upgrade back; false if its gate closes. Who was first says why.
    pub(crate) fn take_back(&self, why: RecallReason) -> bool {
        self.decide(why as u8) != GOES
    }

    /// The upgrade goes to its update point.
    ///
    /// # Errors
    /// Why it was taken back.
    pub(super) fn goes(&self) -> Result<(), RecallReason> {
        let decided = self.decide(GOES);
        why(decided).map_or(Ok(()), Err)
    }

    /// Why it was taken back, if it was.
    pub(crate) fn taken_back(&self) -> Option<RecallReason> {
        why(self.0.load(Ordering::Acquire))
    }

    /// What is decided now.
    fn decide(&self, to: u8) -> u8 {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let decided = self.0.compare_exchange(OPEN, to, success, failure);
        decided.map_or_else(|decided| decided, |_| to)
    }
}

fn why(decided: u8) -> Option<RecallReason> {
    let all = [
        RecallReason::Operator,
        RecallReason::Revoked,
        RecallReason::NotSigned,
    ];
    all.into_iter().find(|why| *why as u8 == decided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_act_decides_and_says_why() {
        let recall = Recall::default();
        assert_eq!(recall.taken_back(), None);
        assert!(
            recall.take_back(RecallReason::Revoked) && recall.take_back(RecallReason::Operator)
        );
        assert_eq!(recall.taken_back(), Some(RecallReason::Revoked));
        assert_eq!(recall.goes(), Err(RecallReason::Revoked));
        let recall = Recall::default();
        assert_eq!((recall.goes(), recall.goes()), (Ok(()), Ok(())));
        assert!(!recall.take_back(RecallReason::NotSigned));
        assert_eq!(recall.taken_back(), None);
    }
}
