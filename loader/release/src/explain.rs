//! The code of each error of this crate, and the next step.

use crate::archive::{ArchiveError, PackError};
use crate::attestation::AttestationError;
use crate::canonical::DecodeError;
use crate::frame::FrameError;
use crate::key::{KeyError, SecretKeyError};
use crate::keyset::{FirstError, KeysetError, RotationError};
use crate::manifest::{ReadError, UnsignedError};
use crate::position::OrderError;
use crate::quorum::QuorumError;
use crate::revocation::RevocationError;
use crate::tree::{ListingError, TreeError};
use crate::verified::VerifyError;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;

/// Says the next step that the list of codes has.
macro_rules! explain {
    ($($error:ty: $this:ident => $code:expr;)*) => {
        $(impl Explain for $error {
            fn code(&self) -> &str {
                let $this = self;
                $code
            }

            fn next(&self) -> Cow<'_, str> {
                next_of(self.code())
            }
        })*
    };
}

/// The next step of a code, as errors say it: it goes on from a sentence.
pub fn next_of(code: &str) -> Cow<'static, str> {
    let next = codes::find(code).map_or("", |known| known.next);
    let mut characters = next.trim_end_matches('.').chars();
    let first = characters.next();
    let begin = first.into_iter().flat_map(char::to_lowercase);
    Cow::Owned(begin.chain(characters).collect())
}

explain! {
    KeyError: this => match this {
        KeyError::Text => codes::KEY_MALFORMED,
        KeyError::NoPoint | KeyError::NotCanonical | KeyError::Weak => codes::KEY_REFUSED,
    };
    SecretKeyError: this => match this {
        SecretKeyError::Text => codes::KEY_MALFORMED,
        SecretKeyError::Public(_) => codes::KEY_REFUSED,
    };
    QuorumError: _this => codes::QUORUM_MALFORMED;
    FrameError: this => match this {
        FrameError::TooMany { .. } => codes::SIGNATURES_TOO_MANY,
        _ => codes::RECORD_MALFORMED,
    };
    DecodeError: _this => codes::RECORD_MALFORMED;
    KeysetError: _this => codes::KEYSET_MALFORMED;
    FirstError: this => match this {
        FirstError::Frame(error) => error.code(),
        FirstError::Keyset(_) => codes::KEYSET_MALFORMED,
        FirstError::Root(_) => codes::SIGNATURES_TOO_FEW,
    };
    RotationError: this => match this {
        RotationError::Frame(error) => error.code(),
        RotationError::OldRoot(_) | RotationError::NewRoot(_) => codes::SIGNATURES_TOO_FEW,
        RotationError::Keyset(_) => codes::KEYSET_MALFORMED,
        RotationError::Network { .. } => codes::OTHER_NETWORK,
        RotationError::Version { .. } | RotationError::Previous { .. } => codes::KEYSET_NOT_NEXT,
    };
    ReadError: _this => codes::MANIFEST_MALFORMED;
    UnsignedError: _this => codes::MANIFEST_MALFORMED;
    VerifyError: this => match this {
        VerifyError::Expired { .. } => codes::KEYSET_EXPIRED,
        VerifyError::TooFew(_) => codes::SIGNATURES_TOO_FEW,
        VerifyError::Read(_) => codes::MANIFEST_MALFORMED,
        VerifyError::Network { .. } => codes::OTHER_NETWORK,
        VerifyError::Epoch { .. } => codes::RELEASE_OTHER_EPOCH,
    };
    RevocationError: this => match this {
        RevocationError::Frame(error) => error.code(),
        RevocationError::TooFew { .. } => codes::SIGNATURES_TOO_FEW,
        RevocationError::Network { .. } => codes::OTHER_NETWORK,
        _ => codes::REVOCATION_MALFORMED,
    };
    OrderError: this => match this {
        OrderError::Older { .. } => codes::RELEASE_OLDER,
        OrderError::Equivocation { .. } => codes::RELEASE_EQUIVOCATION,
        OrderError::Leap { .. } => codes::RELEASE_LEAP,
    };
    TreeError: _this => codes::SOURCE_REFUSED;
    ListingError: _this => codes::SOURCE_REFUSED;
    AttestationError: this => match this {
        AttestationError::Frame(error) => error.code(),
        AttestationError::TooFew(_) => codes::ATTESTATIONS_TOO_FEW,
        AttestationError::Network { .. } => codes::OTHER_NETWORK,
        _ => codes::ATTESTATION_MALFORMED,
    };
    ArchiveError: this => match this {
        ArchiveError::Read(_) => codes::ARCHIVE_UNREADABLE,
        ArchiveError::Keep { .. } => codes::ARCHIVE_UNWRITTEN,
        ArchiveError::Frame(error) => error.code(),
        _ => codes::ARCHIVE_DAMAGED,
    };
    PackError: this => match this {
        PackError::Write(_) => codes::ARCHIVE_UNWRITTEN,
        PackError::Read { .. } => codes::FILE_UNREADABLE,
        PackError::Listing(_) | PackError::Changed { .. } | PackError::Order { .. } => codes::PACK_CHANGED,
    };
}
