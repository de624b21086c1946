//! [`Revocation`]: a release is not to be used. It is heard until the release is committed; afterwards only a later release helps.

use crate::canonical::{DecodeError, decode, encode};
use crate::content::ReleaseId;
use crate::domain::Domain;
use crate::frame::{Frame, FrameError};
use crate::keyset::Keyset;
use crate::network::Network;
use crate::quorum::TooFew;
use serde::{Deserialize, Serialize};

/// The form that is read and written.
pub const REVOCATION_FORMAT: u8 = 1;

/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 512;

/// A release, and why it is not to be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// [`REVOCATION_FORMAT`].
    pub format: u8,
    /// The network that it is for.
    pub network: Network,
    /// The release.
    pub release: ReleaseId,
    /// Why, in a sentence.
    pub reason: String,
}

/// Why a revocation is not heard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// The bytes are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Neither enough release keys nor enough root keys have signed it.
    #[error("of the release keys: {release}; of the root keys: {root}")]
    TooFew {
        /// How many release keys have.
        release: TooFew,
        /// How many root keys have.
        root: TooFew,
    },
    /// What was signed is no revocation.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is of another form.
    #[error("the revocation is of form {found}; this program reads {REVOCATION_FORMAT}")]
    Format {
        /// The form that it says.
        found: u8,
    },
    /// Its reason is too long.
    #[error("the reason has {bytes} bytes; at most {REASON_BYTES_MAX} are taken")]
    Reason {
        /// Its length.
        bytes: usize,
    },
    /// It is for another network.
    #[error("the revocation is for the network {found}")]
    Network {
        /// The network that it names.
        found: Network,
    },
}

impl Revocation {
    /// The bytes that are signed, in a frame that nobody has signed.
    ///
    /// # Errors
    /// [`RevocationError`].
    pub fn unsigned(&self) -> Result<Frame, RevocationError> {
        self.check()?;
        Ok(Frame::unsigned(Domain::Revocation, encode(self)?)?)
    }

    /// The revocation that these bytes are, if enough release keys, or enough root keys, have signed it. A keyset that has
    /// expired may still revoke: it can only forbid.
    ///
    /// # Errors
    /// [`RevocationError`].
    pub fn verify(bytes: &[u8], keyset: &Keyset) -> Result<Self, RevocationError> {
        let frame = Frame::read(Domain::Revocation, bytes)?;
        let by = keyset.record();
        if let Err(release) = by.release.signers(&by.network, &frame)
            && let Err(root) = by.root.signers(&by.network, &frame)
        {
            return Err(RevocationError::TooFew { release, root });
        }
        let revocation: Self = decode(frame.record())?;
        revocation.check()?;
        match revocation.network == by.network {
            true => Ok(revocation),
            false => Err(RevocationError::Network {
                found: revocation.network,
            }),
        }
    }

    fn check(&self) -> Result<(), RevocationError> {
        let (found, bytes) = (self.format, self.reason.len());
        if found != REVOCATION_FORMAT {
            return Err(RevocationError::Format { found });
        }
        match bytes <= REASON_BYTES_MAX {
            true => Ok(()),
            false => Err(RevocationError::Reason { bytes }),
        }
    }
}
