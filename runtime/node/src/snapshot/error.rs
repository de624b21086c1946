//! [`SnapshotFileError`]: why a snapshot is not read.

use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_kernel::{IMAGE_FORMAT, StreamError};
use refit_store::SnapshotError;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// Why a snapshot is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotFileError {
    /// The file cannot be opened.
    #[error("cannot read {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is no whole snapshot.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: SnapshotError,
    },
    /// The image in it is not what it must be, although no byte has changed.
    #[error("{}: {why}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: StreamError,
    },
    /// The image in it is of a form that this program does not read.
    #[error("{}: its states are of form {found}, and this program reads form {IMAGE_FORMAT}", path.display())]
    ImageFormat {
        /// The file.
        path: PathBuf,
        /// The form that it says.
        found: u32,
    },
    /// Its records do not belong together, although no byte has changed.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// It has no such engine.
    #[error("{} has no engine `{engine}`", path.display())]
    NoEngine {
        /// The file.
        path: PathBuf,
        /// The engine.
        engine: EngineId,
    },
    /// The engine was poisoned.
    #[error("{} has no state of engine `{engine}`: it was poisoned", path.display())]
    NoState {
        /// The file.
        path: PathBuf,
        /// The engine.
        engine: EngineId,
    },
    /// The state is larger than a fixture may be.
    #[error("the state of engine `{engine}` has {bytes} bytes, a fixture at most {bytes_max}")]
    StateTooLarge {
        /// The engine.
        engine: EngineId,
        /// Bytes of its state.
        bytes: u64,
        /// The most that a fixture takes.
        bytes_max: u64,
    },
}

impl Explain for SnapshotFileError {
    fn code(&self) -> &str {
        match self {
            Self::Open { .. } => codes::SNAPSHOT_UNREADABLE,
            Self::File { why, .. } => why.code(),
            Self::Image { .. } | Self::Content { .. } => codes::SNAPSHOT_CONTENT,
            Self::ImageFormat { .. } => codes::SNAPSHOT_FORMAT,
            Self::NoEngine { .. } => codes::SNAPSHOT_NO_ENGINE,
            Self::NoState { .. } => codes::SNAPSHOT_NO_STATE,
            Self::StateTooLarge { .. } => codes::STATE_TOO_LARGE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::Open { .. } => Cow::Borrowed("name a file that you may read"),
            Self::File { why, .. } => why.next(),
            Self::Image { .. } | Self::Content { .. } => {
                Cow::Borrowed("take the snapshot again; if it stays so, this is a defect in refit")
            }
            Self::ImageFormat { .. } => {
                Cow::Borrowed("use the release of refit that wrote it, or a newer one")
            }
            Self::NoEngine { path, .. } => Cow::Owned(format!(
                "see its engines with: refit snapshot inspect {}",
                path.display()
            )),
            Self::NoState { .. } => {
                Cow::Borrowed("take an older snapshot, in which the engine serves")
            }
            Self::StateTooLarge { .. } => Cow::Borrowed("choose an engine with a smaller state"),
        }
    }

    fn engine_name(&self) -> Option<String> {
        match self {
            Self::NoEngine { engine, .. }
            | Self::NoState { engine, .. }
            | Self::StateTooLarge { engine, .. } => Some(engine.to_string()),
            Self::Image { why, .. } => why.engine_name(),
            _ => None,
        }
    }
}
