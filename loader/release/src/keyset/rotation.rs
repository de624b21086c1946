//! From one keyset to the next.

use super::{Keyset, KeysetError, KeysetRecord};
use crate::content::KeysetId;
use crate::domain::Domain;
use crate::frame::{Frame, FrameError};
use crate::network::Network;
use crate::position::Epoch;
use crate::quorum::TooFew;

/// Why a keyset does not follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The bytes are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Too few root keys of the keyset before have signed it.
    #[error("of the old root keys: {0}")]
    OldRoot(TooFew),
    /// The record is no keyset.
    #[error(transparent)]
    Keyset(#[from] KeysetError),
    /// It is for another network.
    #[error("the keyset is for the network {found}, and this is {expected}")]
    Network {
        /// The network that it names.
        found: Network,
        /// The one of the keyset before.
        expected: Network,
    },
    /// It is not the very next one.
    #[error("the keyset has version {}, and {} comes next", found.0, expected.0)]
    Version {
        /// The version that it has.
        found: Epoch,
        /// The one that would follow.
        expected: Epoch,
    },
    /// It follows another keyset of that version.
    #[error("the keyset follows {found}, and the node has {expected}")]
    Previous {
        /// What it names.
        found: KeysetId,
        /// What is there.
        expected: KeysetId,
    },
    /// Too few of its own root keys have signed it.
    #[error("of the new root keys: {0}")]
    NewRoot(TooFew),
}

impl Keyset {
    /// The keyset that these bytes are, if it follows this one. Whether this one has expired does not matter: that is when a
    /// new one is needed.
    ///
    /// # Errors
    /// [`RotationError`].
    pub fn rotate(&self, bytes: &[u8]) -> Result<Self, RotationError> {
        let old = &self.record;
        let frame = Frame::read(Domain::Keyset, bytes)?;
        // Before anything of the record is read.
        let signers = old.root.signers(&old.network, &frame);
        signers.map_err(RotationError::OldRoot)?;
        let new = KeysetRecord::read(frame.record())?;
        self.is_followed_by(&new)?;
        let signers = new.root.signers(&old.network, &frame);
        signers.map_err(RotationError::NewRoot)?;
        Ok(Self::checked(new, frame))
    }

    fn is_followed_by(&self, new: &KeysetRecord) -> Result<(), RotationError> {
        let old = &self.record;
        if new.network != old.network {
            return Err(RotationError::Network {
                found: new.network.clone(),
                expected: old.network.clone(),
            });
        }
        let expected = old.version.0.checked_add(1).map(Epoch);
        if expected != Some(new.version) {
            return Err(RotationError::Version {
                found: new.version,
                expected: expected.unwrap_or(old.version),
            });
        }
        match new.previous {
            Some(found) if found != self.id => Err(RotationError::Previous {
                found,
                expected: self.id,
            }),
            // A later one that names none was refused when it was read.
            _ => Ok(()),
        }
    }
}
