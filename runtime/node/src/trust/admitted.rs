//! Which releases come in: none that is revoked, and none that the order of releases does not let in.
//!
//! A revocation that was heard here is signed. One that has come with a snapshot is not: it keeps its release out all the
//! same, and gives way to one that is signed where there is no room for both.

use super::TrustError;
use super::kept::Kept;
use refit_release::{Newest, ReleaseId};

/// Revoked releases that are kept.
pub(super) const REVOKED_MAX: usize = 4_096;

/// What is kept of a release that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revoked {
    /// Why it is not to be used.
    pub(super) reason: String,
    /// Whether those who may have signed it; a snapshot brings none of their signatures.
    pub(super) is_signed: bool,
}

impl Kept {
    /// Whether a release may become live after what was.
    ///
    /// # Errors
    /// [`TrustError::Revoked`] or [`TrustError::Order`].
    pub(super) fn admits(&self, offered: Newest) -> Result<(), TrustError> {
        self.not_revoked(offered.release)?;
        Ok(Newest::check(self.newest, offered)?)
    }

    /// Whether a release is not revoked.
    ///
    /// # Errors
    /// [`TrustError::Revoked`].
    pub(super) fn not_revoked(&self, release: ReleaseId) -> Result<(), TrustError> {
        match self.revoked.get(&release) {
            None => Ok(()),
            Some(revoked) => Err(TrustError::Revoked {
                release,
                reason: revoked.reason.clone(),
            }),
        }
    }

    /// The unsigned revocation in whose place one comes that is signed: that of the same release, or any one if there is no
    /// room beside it.
    ///
    /// # Errors
    /// [`TrustError::TooManyRevoked`] if all of them are signed.
    pub(super) fn gives_way(&self, release: ReleaseId) -> Result<Option<ReleaseId>, TrustError> {
        if self.revoked.contains_key(&release) {
            return Ok(Some(release));
        }
        let known = self.revoked.len();
        if known < REVOKED_MAX {
            return Ok(None);
        }
        let mut unsigned = self.revoked.iter().filter(|(_, it)| !it.is_signed);
        let first = unsigned.next().map(|(id, _)| *id);
        first.map(Some).ok_or(TrustError::TooManyRevoked { known })
    }
}
