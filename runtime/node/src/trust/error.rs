//! [`TrustError`]: why something signed is not taken.

use super::rotations::Unrelated;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_release::attestation::AttestationError;
use refit_release::frame::FrameError;
use refit_release::keyset::{FirstError, RotationError};
use refit_release::position::OrderError;
use refit_release::revocation::RevocationError;
use refit_release::{FileId, KeysetId, ReleaseId, VerifyError, next_of};
use refit_store::Fault;
use std::borrow::Cow;

/// Why something signed is not taken, or what is known of whom the node trusts cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// There is no keyset to go by.
    #[error("the node has no keyset: whose signatures make a release is not known")]
    NoKeyset,
    /// The store does not give or take it.
    #[error(transparent)]
    Store(#[from] Fault),
    /// What the store has is not what this program writes.
    #[error("the record `{name}` of the node's trust cannot be read: {why}")]
    Unreadable {
        /// The record.
        name: String,
        /// Why not.
        why: String,
    },
    /// The keyset is none to begin with.
    #[error(transparent)]
    First(#[from] FirstError),
    /// It does not follow the one that the node goes by.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// It is another one of the same version.
    #[error("the node goes by keyset {version} with the id {known}, and this one is {found}")]
    Conflict {
        /// The version of both.
        version: u64,
        /// The one that the node goes by.
        known: KeysetId,
        /// The other one.
        found: KeysetId,
    },
    /// The node has not come from it to the one that it goes by.
    #[error(transparent)]
    Unrelated(#[from] Box<Unrelated>),
    /// A release is not taken.
    #[error(transparent)]
    Release(#[from] VerifyError),
    /// Its frame is none.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It may not come behind what was live.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// Those who may have revoked it.
    #[error("the release {} is revoked: {reason}", release.short())]
    Revoked {
        /// The release.
        release: ReleaseId,
        /// Why, in the words of those who revoke it.
        reason: String,
    },
    /// A revocation is not heard.
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    /// The node asks nobody who builds.
    #[error("the node's configuration names no builders")]
    NoBuilders,
    /// What builders have signed is not taken.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// Too few builders have attested a library.
    #[error("the library {} of {package} is not attested by {threshold} of the node's builders", file.short())]
    NotAttested {
        /// The library's package.
        package: String,
        /// The library.
        file: FileId,
        /// How many have to.
        threshold: u8,
    },
    /// The node knows of as many revoked releases as it keeps, all of them by signed revocations.
    #[error("{known} releases are revoked already; no more are kept")]
    TooManyRevoked {
        /// Their number.
        known: usize,
    },
}

impl Explain for TrustError {
    fn code(&self) -> &str {
        match self {
            Self::NoKeyset => codes::KEYSET_MISSING,
            Self::Store(fault) => fault.code(),
            Self::Unreadable { .. } => codes::TRUST_UNREADABLE,
            Self::First(error) => error.code(),
            Self::Rotation(error) => error.code(),
            Self::Conflict { .. } => codes::KEYSET_CONFLICT,
            Self::Unrelated(_) => codes::KEYSET_UNRELATED,
            Self::Release(error) => error.code(),
            Self::Frame(error) => error.code(),
            Self::Order(error) => error.code(),
            Self::Revoked { .. } => codes::RELEASE_REVOKED,
            Self::Revocation(error) => error.code(),
            Self::NoBuilders => codes::BUILDERS_MISSING,
            Self::Attestation(error) => error.code(),
            Self::NotAttested { .. } => codes::ATTESTATIONS_TOO_FEW,
            Self::TooManyRevoked { .. } => codes::REVOCATIONS_FULL,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::Store(fault) => fault.next(),
            _ => next_of(self.code()),
        }
    }
}
