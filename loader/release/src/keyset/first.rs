//! [`FirstKeyset`]: the keyset that a node begins with. It is trusted because its operator names it, and taken only if its own
//! root keys have signed it: a file that nobody can rotate away from is no use.

use super::{Keyset, KeysetError, KeysetRecord};
use crate::content::KeysetId;
use crate::domain::Domain;
use crate::frame::{Frame, FrameError};
use crate::quorum::TooFew;

/// A keyset as somebody names it: read, and trusted by nobody yet.
#[derive(Clone, Debug)]
pub struct FirstKeyset {
    record: KeysetRecord,
    frame: Frame,
}

/// Why a file is no keyset to begin with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FirstError {
    /// The bytes are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The record is no keyset.
    #[error(transparent)]
    Keyset(#[from] KeysetError),
    /// Too few of its own root keys have signed it.
    #[error("of the root keys: {0}")]
    Root(#[from] TooFew),
}

impl FirstKeyset {
    /// Reads a keyset from a place that its reader trusts.
    ///
    /// # Errors
    /// [`FirstError`]; never [`FirstError::Root`].
    pub fn read(bytes: &[u8]) -> Result<Self, FirstError> {
        let frame = Frame::read(Domain::Keyset, bytes)?;
        let record = KeysetRecord::read(frame.record())?;
        Ok(Self { record, frame })
    }

    /// What it says.
    pub fn record(&self) -> &KeysetRecord {
        &self.record
    }

    /// Its id, by which an operator can compare it with what the authority publishes.
    pub fn id(&self) -> KeysetId {
        KeysetId::of(self.frame.record())
    }

    /// The record with its signatures, for another one to be added.
    pub fn into_frame(self) -> Frame {
        self.frame
    }

    /// Goes by it from here on.
    ///
    /// # Errors
    /// [`FirstError::Root`].
    pub fn trust(self) -> Result<Keyset, FirstError> {
        let Self { record, frame } = self;
        record.root.signers(&record.network, &frame)?;
        Ok(Keyset::checked(record, frame))
    }
}
