//! [`Attestation`]: somebody has built a source, and this file came out. All builders of one outcome sign the same bytes; where
//! k of n known builders have, a file may be used that one has not built.

use crate::canonical::{DecodeError, decode, encode};
use crate::content::{FileId, SourceRoot};
use crate::domain::Domain;
use crate::frame::{Frame, FrameError};
use crate::key::PublicKey;
use crate::network::Network;
use crate::quorum::{Quorum, TooFew};
use serde::{Deserialize, Serialize};

/// The form that is read and written.
pub const ATTESTATION_FORMAT: u8 = 1;

/// What was built, how, and what came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// [`ATTESTATION_FORMAT`].
    pub format: u8,
    /// The network that it is for.
    pub network: Network,
    /// The tree that was built.
    pub source: SourceRoot,
    /// The package in it.
    pub package: String,
    /// The target triple.
    pub target: String,
    /// The toolchain.
    pub toolchain: String,
    /// The file that came out.
    pub file: FileId,
}

/// Why an attestation does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// The bytes are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Too few of the known builders have signed it.
    #[error("of the builders: {0}")]
    TooFew(#[from] TooFew),
    /// What was signed is no attestation.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is of another form.
    #[error("the attestation is of form {found}; this program reads {ATTESTATION_FORMAT}")]
    Format {
        /// The form that it says.
        found: u8,
    },
    /// It is for another network.
    #[error("the attestation is for the network {found}, and this is {expected}")]
    Network {
        /// The network that it names.
        found: Network,
        /// The one that it was looked at for.
        expected: Network,
    },
}

impl Attestation {
    /// The bytes that are signed, in a frame that nobody has signed.
    ///
    /// # Errors
    /// [`AttestationError`].
    pub fn unsigned(&self) -> Result<Frame, AttestationError> {
        Ok(Frame::unsigned(Domain::Attestation, encode(self)?)?)
    }

    /// The attestation that these bytes are, and who has signed it, if enough of the known builders have.
    ///
    /// # Errors
    /// [`AttestationError`].
    pub fn verify(
        bytes: &[u8],
        network: &Network,
        builders: &Quorum,
    ) -> Result<(Self, Vec<PublicKey>), AttestationError> {
        let frame = Frame::read(Domain::Attestation, bytes)?;
        let signers = builders.signers(network, &frame)?;
        let attestation: Self = decode(frame.record())?;
        let found = attestation.format;
        if found != ATTESTATION_FORMAT {
            return Err(AttestationError::Format { found });
        }
        match attestation.network == *network {
            true => Ok((attestation, signers)),
            false => Err(AttestationError::Network {
                found: attestation.network,
                expected: network.clone(),
            }),
        }
    }
}
