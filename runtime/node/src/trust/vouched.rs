//! [`Vouched`]: which keyset of a snapshot the operator vouches for who restores it. Who has made the snapshot could have put any
//! keyset into it.

use super::TrustError;
use super::carried::{CarriedTrust, shown};
use super::kept::Kept;
use super::rotations::Unrelated;
use refit_admin::api::NewestRelease;
use refit_release::{Keyset, KeysetId, Newest};
use refit_store::{Fault, RecordChange};
use serde::Serialize;

/// The keyset that an operator trusts who restores a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub enum Vouched<'a> {
    /// None: a snapshot that has a keyset is not restored.
    #[default]
    Nobody,
    /// This one: it leads to that of the snapshot, or is a later one of its network and takes its place.
    Keyset(&'a Keyset),
    /// The one that has this id, and no other.
    Id(KeysetId),
}

/// A keyset in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeysetFacts {
    /// Its id, by which an operator can compare it with what the authority publishes.
    pub id: String,
    /// The network that it is for.
    pub network: String,
    /// Its version.
    pub version: u64,
}

/// Whom a node trusts, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustFacts {
    /// Its keyset.
    pub keyset: Option<KeysetFacts>,
    /// The newest release that its chain has had.
    pub newest: Option<NewestRelease>,
    /// Number of releases that are revoked.
    pub revoked: usize,
}

/// Why a keyset of a snapshot is not taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotVouched {
    /// Nothing says that it is the right one.
    #[error(
        "the snapshot goes by keyset {} of the network `{}`, {}, and nobody vouches for it",
        .found.version, .found.network, .found.id
    )]
    Nobody {
        /// The snapshot's.
        found: Box<KeysetFacts>,
    },
    /// Another one is named.
    #[error(
        "the snapshot goes by keyset {} of the network `{}`, {}, and {named} is named",
        .found.version, .found.network, .found.id
    )]
    Other {
        /// The one that is named.
        named: KeysetId,
        /// The snapshot's.
        found: Box<KeysetFacts>,
    },
    /// The snapshot has none.
    #[error("the snapshot has no keyset, and {named} is named")]
    Missing {
        /// The one that is named.
        named: KeysetId,
    },
    /// The one that is configured is for another network.
    #[error(
        "the snapshot goes by keyset {} of the network `{}`, {}, and the keyset that is configured is for `{network}`",
        .found.version, .found.network, .found.id
    )]
    Network {
        /// The network of the one that is configured.
        network: String,
        /// The snapshot's.
        found: Box<KeysetFacts>,
    },
    /// The one that is configured does not lead to it.
    #[error("the snapshot goes by another keyset: {0}")]
    Unrelated(Box<Unrelated>),
}

// Said within, and no cause beside it: it would be said twice.
impl From<Box<Unrelated>> for NotVouched {
    fn from(unrelated: Box<Unrelated>) -> Self {
        Self::Unrelated(unrelated)
    }
}

impl NotVouched {
    /// The id of the snapshot's keyset, for the operator who may name it.
    pub(crate) fn found(&self) -> Option<String> {
        match self {
            Self::Nobody { found } | Self::Other { found, .. } | Self::Network { found, .. } => {
                Some(found.id.clone())
            }
            Self::Unrelated(unrelated) => Some(unrelated.known.to_string()),
            Self::Missing { .. } => None,
        }
    }
}

/// What a restore takes over of whom a snapshot's node trusts.
#[derive(Debug)]
pub(crate) struct TakenOver(Kept);

impl TakenOver {
    /// All of it; why not, if it is something else.
    pub(crate) fn of(carried: Option<&CarriedTrust>) -> Result<Self, String> {
        let kept = carried.map(CarriedTrust::kept).transpose()?;
        Ok(Self(kept.unwrap_or_default()))
    }

    /// The same with the keyset that the operator vouches for.
    pub(crate) fn vouched(self, by: Vouched<'_>) -> Result<Self, NotVouched> {
        let Self(kept) = self;
        let Some(known) = &kept.keyset else {
            return match by {
                Vouched::Id(named) => Err(NotVouched::Missing { named }),
                // Keysets of before that have led to none say nothing.
                _ => Ok(Self(Kept {
                    before: Vec::new(),
                    ..kept
                })),
            };
        };
        let found = || Box::new(KeysetFacts::of(known));
        match by {
            Vouched::Nobody => Err(NotVouched::Nobody { found: found() }),
            Vouched::Id(named) if named != known.id() => Err(NotVouched::Other {
                named,
                found: found(),
            }),
            Vouched::Id(_) => Ok(Self(kept)),
            Vouched::Keyset(trusted) if trusted.record().network != known.record().network => {
                let (network, found) = (trusted.record().network.to_string(), found());
                Err(NotVouched::Network { network, found })
            }
            Vouched::Keyset(trusted) if trusted.record().version > known.record().version => {
                let before = kept.led_to(trusted);
                Ok(Self(Kept {
                    keyset: Some(trusted.clone()),
                    before,
                    ..kept
                }))
            }
            Vouched::Keyset(trusted) => {
                kept.is_led_from(trusted, known)?;
                let keyset = kept.signed_also(trusted);
                let keyset = keyset.or_else(|| kept.keyset.clone());
                Ok(Self(Kept { keyset, ..kept }))
            }
        }
    }

    /// Whether a release may become live after what was.
    ///
    /// # Errors
    /// [`TrustError::Revoked`] or [`TrustError::Order`].
    pub(crate) fn admits(&self, offered: Newest) -> Result<(), TrustError> {
        self.0.admits(offered)
    }

    /// The changes that keep it in a store that has nothing of the kind.
    pub(crate) fn changes(&self) -> Result<Vec<RecordChange>, Fault> {
        self.0.changes()
    }

    /// As it is shown.
    pub(crate) fn facts(&self) -> TrustFacts {
        let Self(kept) = self;
        TrustFacts {
            keyset: kept.keyset.as_ref().map(KeysetFacts::of),
            newest: kept.newest.as_ref().map(shown),
            revoked: kept.revoked.len(),
        }
    }
}

impl KeysetFacts {
    fn of(keyset: &Keyset) -> Self {
        Self {
            id: keyset.id().to_string(),
            network: keyset.record().network.to_string(),
            version: keyset.record().version.0,
        }
    }
}
