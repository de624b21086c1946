//! [`ReleaseBytes`] and, made from it alone, [`VerifiedRelease`]: nothing of a release is read beyond its frame before enough
//! release keys have signed it.

use crate::content::ReleaseId;
use crate::domain::Domain;
use crate::frame::{Frame, FrameError};
use crate::key::PublicKey;
use crate::keyset::Keyset;
use crate::manifest::{Manifest, ReadError};
use crate::network::Network;
use crate::position::{Epoch, Newest};
use crate::quorum::TooFew;
use refit_abi::Height;

/// A release as somebody sent it: of its bytes only the frame was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseBytes(Frame);

/// A release that enough keys have signed, with its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRelease {
    id: ReleaseId,
    manifest: Manifest,
    signers: Vec<PublicKey>,
    /// All keys whose signatures count.
    counting: Vec<PublicKey>,
    frame: Frame,
}

/// Why a release is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The keyset's signatures count no longer.
    #[error("the keyset expired with block {expires}, and this is {now}")]
    Expired {
        /// The last block at which they counted.
        expires: Height,
        /// The block that the node is at.
        now: Height,
    },
    /// Too few release keys have signed it.
    #[error("of the release keys: {0}")]
    TooFew(#[from] TooFew),
    /// What was signed is no manifest.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It names another network than the one that it was signed for.
    #[error("the release is for the network {found}, and this is {expected}")]
    Network {
        /// The network that it names.
        found: Network,
        /// The keyset's.
        expected: Network,
    },
    /// It was made for another keyset.
    #[error("the release is of epoch {}, and the keyset is version {}", found.0, expected.0)]
    Epoch {
        /// The epoch that it names.
        found: Epoch,
        /// The keyset's version.
        expected: Epoch,
    },
}

impl ReleaseBytes {
    /// Reads the frame.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FrameError> {
        Frame::read(Domain::Release, bytes).map(Self)
    }

    /// The id of the release, whatever it is.
    pub fn id(&self) -> ReleaseId {
        ReleaseId::of(self.0.record())
    }

    /// The keys that are named as signers, whether or not they have signed.
    pub fn named(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.0.named()
    }

    /// What it says, for somebody who is to decide whether to sign it. A node has no use for this.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn claims(&self) -> Result<Manifest, ReadError> {
        Manifest::read(self.0.record())
    }

    /// The record and its signatures, for another one to be added.
    pub fn into_frame(self) -> Frame {
        self.0
    }

    /// Checks the signatures against a keyset, and only then reads what was signed.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(self, keyset: &Keyset, now: Height) -> Result<VerifiedRelease, VerifyError> {
        let by = keyset.record();
        if keyset.is_expired(now) {
            let expires = by.expires;
            return Err(VerifyError::Expired { expires, now });
        }
        let signers = by.release.signers(&by.network, &self.0)?;
        let manifest = Manifest::read(self.0.record())?;
        if manifest.network != by.network {
            return Err(VerifyError::Network {
                found: manifest.network,
                expected: by.network.clone(),
            });
        }
        let (found, expected) = (manifest.position.epoch, by.version);
        if found != expected {
            return Err(VerifyError::Epoch { found, expected });
        }
        Ok(VerifiedRelease {
            id: self.id(),
            manifest,
            signers,
            counting: by.release.keys().to_vec(),
            frame: self.0,
        })
    }
}

impl VerifiedRelease {
    /// Its id.
    pub fn id(&self) -> ReleaseId {
        self.id
    }

    /// What it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The release keys that have signed it.
    pub fn signers(&self) -> &[PublicKey] {
        &self.signers
    }

    /// Its place in the order of releases, with its id.
    pub fn newest(&self) -> Newest {
        Newest {
            position: self.manifest.position,
            release: self.id,
        }
    }

    /// Takes in what release keys have signed of it in another copy: a copy that has come later takes nobody's word back.
    pub fn take_in(&mut self, other: &ReleaseBytes) {
        if other.id() != self.id {
            return;
        }
        let network = &self.manifest.network;
        for key in other.0.signers(network, &self.counting) {
            if !self.signers.contains(key) {
                self.frame.take_one(&other.0, key, &self.counting);
            }
        }
        let signers = self.frame.signers(network, &self.counting);
        self.signers = signers.into_iter().copied().collect();
    }

    /// The bytes that it came as, signatures and all, with those that were taken in.
    pub fn write(&self) -> Vec<u8> {
        self.frame.write()
    }
}
