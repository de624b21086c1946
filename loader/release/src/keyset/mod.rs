//! [`Keyset`]: whose signatures count. Two roles: *root* keys, kept offline, say who signs; *release* keys sign releases.
//!
//! A keyset follows another by the signatures of enough root keys of the old *and* of the new one, and by the very next
//! version. The first one of a node is a file that its operator names. (The rules are those for the root role of
//! [The Update Framework](https://theupdateframework.github.io/specification/latest/#update-root), 5.3.)

mod first;
mod rotation;

pub use first::{FirstError, FirstKeyset};
pub use rotation::RotationError;

use crate::canonical::{DecodeError, decode, encode};
use crate::content::KeysetId;
use crate::domain::Domain;
use crate::frame::{Frame, FrameError};
use crate::network::Network;
use crate::position::Epoch;
use crate::quorum::Quorum;
use refit_abi::Height;
use serde::{Deserialize, Serialize};

/// The form that is read and written.
pub const KEYSET_FORMAT: u8 = 1;

/// What a keyset says, before anybody has signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysetRecord {
    /// [`KEYSET_FORMAT`].
    pub format: u8,
    /// The network that it is for.
    pub network: Network,
    /// Counts the keysets of the network, from 1; the epoch of the releases that it signs.
    pub version: Epoch,
    /// The keyset before it; none has the first one.
    pub previous: Option<KeysetId>,
    /// Who says who signs.
    pub root: Quorum,
    /// Who signs releases.
    pub release: Quorum,
    /// The last block at which its signatures count.
    pub expires: Height,
}

/// A keyset that a node goes by: its signatures were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyset {
    record: KeysetRecord,
    id: KeysetId,
    frame: Frame,
}

/// Why bytes are no keyset, whoever signed them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysetError {
    /// They are no record of the kind.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The record is of another form.
    #[error("the keyset is of form {found}; this program reads {KEYSET_FORMAT}")]
    Format {
        /// The form that it says.
        found: u8,
    },
    /// The first one names one before, or a later one names none.
    #[error("keyset {} names {} one before it", version.0, if *names { "a" } else { "no" })]
    Previous {
        /// Its version.
        version: Epoch,
        /// Whether it names one.
        names: bool,
    },
}

impl KeysetRecord {
    /// The bytes that are signed, in a frame that nobody has signed.
    ///
    /// # Errors
    /// [`KeysetError`], or [`FrameError`] within it, if it is none that could be read again.
    pub fn unsigned(&self) -> Result<Frame, KeysetError> {
        self.check()?;
        let bytes = encode(self)?;
        // 32 keys and a name have less than the frame takes.
        Frame::unsigned(Domain::Keyset, bytes).map_err(|error: FrameError| {
            KeysetError::Decode(DecodeError::Malformed {
                detail: error.to_string(),
            })
        })
    }

    /// Reads a record whose signatures are checked by the one who asks.
    fn read(bytes: &[u8]) -> Result<Self, KeysetError> {
        let record: Self = decode(bytes)?;
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), KeysetError> {
        if self.format != KEYSET_FORMAT {
            let found = self.format;
            return Err(KeysetError::Format { found });
        }
        let (version, names) = (self.version, self.previous.is_some());
        match names == (version > Epoch(1)) && version > Epoch(0) {
            true => Ok(()),
            false => Err(KeysetError::Previous { version, names }),
        }
    }
}

impl Keyset {
    /// What it says.
    pub fn record(&self) -> &KeysetRecord {
        &self.record
    }

    /// Its id.
    pub fn id(&self) -> KeysetId {
        self.id
    }

    /// The bytes that it came as, signatures and all.
    pub fn write(&self) -> Vec<u8> {
        self.frame.write()
    }

    /// The same with the signatures that another copy of it has beside its own, if there is room for all.
    #[must_use]
    pub fn with_signatures_of(&self, other: &Self) -> Self {
        let mut keyset = self.clone();
        match keyset.frame.take_in(&other.frame) {
            Ok(()) => keyset,
            Err(_) => self.clone(),
        }
    }

    /// Whether its signatures count no longer.
    pub fn is_expired(&self, now: Height) -> bool {
        now > self.record.expires
    }

    fn checked(record: KeysetRecord, frame: Frame) -> Self {
        Self {
            record,
            id: KeysetId::of(frame.record()),
            frame,
        }
    }
}
