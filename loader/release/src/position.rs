//! [`Position`]: a release's place in the order of releases, and [`Newest`], what a node has come to.
//!
//! The place is (epoch, sequence): the epoch is the version of the keyset that signed, the sequence counts under it. A node
//! never goes back in this order, and leaps forward by a bounded number only: somebody who got hold of enough release keys
//! once cannot use the order up; and if the sequence is used up, the next keyset begins it anew. (The attacks “rollback” and
//! “fast-forward” of [The Update Framework](https://theupdateframework.github.io/specification/latest/#goals-for-PKI).)

use crate::content::ReleaseId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// By how much a sequence may grow from one release to the next that a node sees.
pub const SEQUENCE_LEAP_MAX: u64 = 1 << 16;

/// The version of the keyset under which a release is signed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A release's number among those of its epoch.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// A place in the order of releases.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Position {
    /// Counts before the sequence.
    pub epoch: Epoch,
    /// Counts within the epoch.
    pub sequence: Sequence,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.0, self.sequence.0)
    }
}

/// The newest release that a node has committed to; kept with the record that commits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub release: ReleaseId,
}

/// Why a release may not come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A later one was there.
    #[error("the release is {offered}, and the node has come to {newest}")]
    Older {
        /// Its place.
        offered: Position,
        /// The newest one's place.
        newest: Position,
    },
    /// Another release has the same place: two were signed where one may be.
    #[error("the releases {release} and {other} are both {position}")]
    Equivocation {
        /// The place.
        position: Position,
        /// What is offered.
        release: ReleaseId,
        /// What the node has.
        other: ReleaseId,
    },
    /// It leaps too far ahead.
    #[error("the release is {offered}; at most {most} is taken next")]
    Leap {
        /// Its place.
        offered: Position,
        /// The largest that is taken.
        most: Position,
    },
}

impl Newest {
    /// Whether a release may come after what was there; the newest one itself may, once more.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn check(newest: Option<Self>, offered: Self) -> Result<(), OrderError> {
        let Self { position, release } = offered;
        if let Some(newest) = newest {
            if position < newest.position {
                return Err(OrderError::Older {
                    offered: position,
                    newest: newest.position,
                });
            }
            if position == newest.position {
                return match release == newest.release {
                    true => Ok(()),
                    false => Err(OrderError::Equivocation {
                        position,
                        release,
                        other: newest.release,
                    }),
                };
            }
        }
        let of_epoch = newest.filter(|newest| newest.position.epoch == position.epoch);
        let last = of_epoch.map_or(0, |newest| newest.position.sequence.0);
        let most = Position {
            epoch: position.epoch,
            sequence: Sequence(last.saturating_add(SEQUENCE_LEAP_MAX)),
        };
        match position <= most {
            true => Ok(()),
            false => Err(OrderError::Leap {
                offered: position,
                most,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, sequence: u64, name: &str) -> Newest {
        Newest {
            position: Position {
                epoch: Epoch(epoch),
                sequence: Sequence(sequence),
            },
            release: ReleaseId::of(name.as_bytes()),
        }
    }

    #[test]
    fn a_node_never_goes_back() {
        let newest = Some(at(2, 7, "seven"));
        for later in [
            at(2, 8, "a"),
            at(2, 7 + SEQUENCE_LEAP_MAX, "a"),
            at(3, 1, "a"),
        ] {
            assert_eq!(Newest::check(newest, later), Ok(()), "{later:?}");
        }
        for older in [at(2, 6, "a"), at(1, u64::MAX, "a"), at(2, 0, "seven")] {
            let refused = Newest::check(newest, older);
            assert!(
                matches!(refused, Err(OrderError::Older { .. })),
                "{older:?}"
            );
        }
        assert_eq!(Newest::check(newest, at(2, 7, "seven")), Ok(()));
    }

    #[test]
    fn two_releases_at_one_place_are_told() {
        let refused = Newest::check(Some(at(2, 7, "seven")), at(2, 7, "other"));
        assert!(matches!(refused, Err(OrderError::Equivocation { .. })));
    }

    #[test]
    fn nobody_uses_the_sequence_up_in_one_leap_and_a_new_epoch_begins_it_anew() {
        let leap = |newest, offered| {
            matches!(Newest::check(newest, offered), Err(OrderError::Leap { .. }))
        };
        let first = SEQUENCE_LEAP_MAX + 1;
        assert!(leap(None, at(0, first, "a")));
        assert!(leap(Some(at(0, 1, "a")), at(0, first + 1, "b")));
        assert!(leap(Some(at(0, u64::MAX, "a")), at(1, first, "b")));
        assert_eq!(
            Newest::check(Some(at(0, u64::MAX, "a")), at(1, 1, "b")),
            Ok(())
        );
    }
}
