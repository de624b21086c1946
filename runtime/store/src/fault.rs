//! [`Fault`]: why a store takes nothing more; [`OpenError`]: why it cannot be had.

use crate::disk::Mark;
use crate::{NO_FILE_NEXT, is_no_file};
use refit_abi::codes;
use refit_abi::host::{Explain, shown};
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Longest text of a fault, in bytes.
const DETAIL_BYTES_MAX: usize = 512;

/// Why a store takes nothing more until it is opened again.
///
/// After a write or a sync that failed nobody knows what the disk has: it is never tried a second time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The disk has no room.
    #[error("the disk is full")]
    DiskFull,
    /// The system refused to write or to sync.
    #[error("the disk does not take what is written: {detail}")]
    Disk {
        /// The system's error.
        detail: String,
    },
    /// Its thread has ended.
    #[error("the store has ended")]
    Ended,
}

impl Fault {
    /// Of this error of the system.
    pub fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Disk {
                detail: shown(&error.to_string(), DETAIL_BYTES_MAX),
            },
        }
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => Self::of_io(&error),
            other => Self::Disk {
                detail: shown(&other.to_string(), DETAIL_BYTES_MAX),
            },
        }
    }
}

impl Explain for Fault {
    fn code(&self) -> &str {
        match self {
            Fault::DiskFull => codes::DISK_FULL,
            Fault::Disk { .. } => codes::DISK_FAULT,
            Fault::Ended => codes::NODE_ENDED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Fault::DiskFull => "make room on the disk of the data folder, and start the node again",
            Fault::Disk { .. } => {
                "see the system's log for the disk of the data folder; then start the node again"
            }
            Fault::Ended => "start the node again",
        })
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file or folder cannot be had.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Somebody else has it open.
    #[error("{} is open already", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is no store, or a damaged one.
    #[error("{} is no store that can be read: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Its newest commits are not in it.
    #[error(
        "{} ends with {found}, and {noted} was durable in it: the newest that a node has written is lost",
        path.display()
    )]
    Cut {
        /// The file.
        path: PathBuf,
        /// How far it comes.
        found: Mark,
        /// How far it came.
        noted: Mark,
    },
    /// It was written by a program of another time.
    #[error("{} is a store of form {found}, and this program reads form {reads}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The form that it has.
        found: u64,
        /// The form that this program reads.
        reads: u64,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }

    pub(crate) fn redb(path: &Path, error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse {
                path: path.to_owned(),
            },
            redb::Error::Io(source) if !is_of_content(&source) => Self::io(path, source),
            other => Self::Damaged {
                path: path.to_owned(),
                detail: shown(&other.to_string(), DETAIL_BYTES_MAX),
            },
        }
    }
}

/// Whether the file's content is to blame, and not the system: it is no store, or it was cut short.
fn is_of_content(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error.kind(), InvalidData | UnexpectedEof)
}

impl Explain for OpenError {
    fn code(&self) -> &str {
        match self {
            OpenError::Io { source, .. } if Fault::of_io(source) == Fault::DiskFull => {
                codes::DISK_FULL
            }
            OpenError::Io { .. } => codes::STORE_NOT_OPENED,
            OpenError::InUse { .. } => codes::DATA_FOLDER_IN_USE,
            OpenError::Damaged { .. } => codes::STORE_DAMAGED,
            OpenError::Cut { .. } => codes::STORE_CUT,
            OpenError::Format { .. } => codes::STORE_FORMAT,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            OpenError::Io { source, .. } if Fault::of_io(source) == Fault::DiskFull => {
                "make room on the disk of the data folder, and start the node again"
            }
            OpenError::Io { source, .. } if is_no_file(source) => NO_FILE_NEXT,
            OpenError::Io { .. } => {
                "give the node the rights to its data folder, and start it again"
            }
            OpenError::InUse { .. } => {
                "stop the node that has it, or give this one a folder of its own with --data-dir"
            }
            OpenError::Damaged { .. } => {
                "put the data folder back from a copy of yours; to begin anew without its states, start with another --data-dir"
            }
            OpenError::Cut { .. } => {
                "put the data folder back from a copy of yours; to go on without what is lost, remove the file `newest` beside it, and start the node"
            }
            OpenError::Format { .. } => "open it with the program that wrote it",
        })
    }
}
