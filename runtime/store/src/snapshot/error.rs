//! [`SnapshotError`]: why a file is no whole snapshot, or cannot be written.

use super::{SNAPSHOT_FORMAT, SNAPSHOT_RECORD_BYTES_MAX};
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::io;

/// Why a file is no whole snapshot, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It begins with something else.
    #[error("this is no snapshot: it does not begin as one")]
    None,
    /// It is of another form.
    #[error("the snapshot is of form {found}, and this program reads form {SNAPSHOT_FORMAT}")]
    Format {
        /// The form that it says.
        found: u32,
    },
    /// It does not end as one.
    #[error("the snapshot is cut short: its {bytes} bytes do not end as those of a whole one")]
    Cut {
        /// Its length, in bytes.
        bytes: u64,
    },
    /// The index is not the one that was written.
    #[error("the index of the snapshot, at byte {offset}, is damaged: {reason}")]
    Index {
        /// Where it begins.
        offset: u64,
        /// The fault in it.
        reason: &'static str,
    },
    /// The bytes of a record are not those that were written.
    #[error("{record} in the snapshot, {length} bytes at byte {offset}, is damaged")]
    Damaged {
        /// The record.
        record: String,
        /// Where it begins.
        offset: u64,
        /// Its length.
        length: u64,
    },
    /// A record is longer than one piece may be.
    #[error(
        "{record} in the snapshot has {length} bytes, and at most {SNAPSHOT_RECORD_BYTES_MAX} are read at once"
    )]
    TooLarge {
        /// The record.
        record: String,
        /// Its length.
        length: u64,
    },
    /// There are more records than a file may have.
    #[error("the snapshot has more engines than a file can list")]
    TooMany,
    /// The system does not read it.
    #[error("the snapshot cannot be read: {source}")]
    Read {
        /// Its error.
        source: io::Error,
    },
    /// The system does not write it.
    #[error("the snapshot cannot be written: {source}")]
    Write {
        /// Its error.
        source: io::Error,
    },
}

impl Explain for SnapshotError {
    fn code(&self) -> &str {
        match self {
            Self::None => codes::SNAPSHOT_NONE,
            Self::Format { .. } => codes::SNAPSHOT_FORMAT,
            Self::Cut { .. } => codes::SNAPSHOT_CUT,
            Self::Index { .. } | Self::Damaged { .. } => codes::SNAPSHOT_DAMAGED,
            Self::TooLarge { .. } | Self::TooMany => codes::SNAPSHOT_TOO_LARGE,
            Self::Read { .. } => codes::SNAPSHOT_UNREADABLE,
            Self::Write { .. } => codes::SNAPSHOT_UNWRITTEN,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::None => "name a file that `refit snapshot create` wrote",
            Self::Format { .. } => "use the release of refit that wrote it, or a newer one",
            Self::Cut { .. } | Self::Index { .. } | Self::Damaged { .. } => {
                "take another copy of it, or an older snapshot; nothing of this one was used"
            }
            Self::TooLarge { .. } | Self::TooMany => {
                "keep less in one engine, or fewer engines; the checkpoints of the node are not concerned"
            }
            Self::Read { .. } => "name a file that you may read",
            Self::Write { .. } => "make room where it is written, and take it again",
        })
    }
}
