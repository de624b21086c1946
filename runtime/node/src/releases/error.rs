//! Why releases are not kept, or not used.

use crate::trust::TrustError;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_release::archive::ArchiveError;
use refit_release::next_of;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// Why a release does not come into the folder, or out of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// As many come as may at once.
    #[error("{most} releases are being imported, and no more are at once")]
    UnderWay {
        /// Their number.
        most: usize,
    },
    /// Its file is not read, or is not what it should be.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its signatures do not count.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// There are as many as are kept.
    #[error("{kept} releases are kept, and no more may be")]
    Full {
        /// Their number.
        kept: usize,
    },
    /// It is larger than one may be.
    #[error("the release's files have {bytes} bytes; at most {most} are kept")]
    TooLarge {
        /// What it says.
        bytes: u64,
        /// What is kept.
        most: u64,
    },
    /// The disk has no room for it.
    #[error("the disk has no room for the {bytes} bytes of the release")]
    NoRoom {
        /// What it says.
        bytes: u64,
    },
    /// The disk has no room for what comes.
    #[error("the disk has no room for the files that come with the release")]
    DiskFull,
    /// The folder does not take or give it.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is none with that id.
    #[error("no release {id} is imported")]
    Unknown {
        /// As it was asked for.
        id: String,
    },
    /// What the folder has of it is not what was put there.
    #[error("the release {id} has changed in the folder: {why}")]
    Changed {
        /// Its id.
        id: String,
        /// How.
        why: String,
    },
}

impl KeepError {
    /// Whether what is said of a kept release stays so: it is not whole. What the system refuses may pass, as where too many files
    /// are open.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::Changed { .. } => true,
            Self::Folder { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::InvalidData
            ),
            _ => false,
        }
    }
}

/// Why a release has no libraries for this node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotStaged {
    /// A module is built against another contract.
    #[error("{package} is built against ABI epoch {found}, and this node has {expected}")]
    AbiEpoch {
        /// The module's package.
        package: String,
        /// The module's.
        found: u32,
        /// The node's.
        expected: u32,
    },
    /// A module is there for others only.
    #[error(
        "{package} has no library for {target} with `{toolchain}`; it has: {}",
        list(has)
    )]
    NoArtifact {
        /// The module's package.
        package: String,
        /// The node's target.
        target: String,
        /// The node's toolchain.
        toolchain: String,
        /// What there is.
        has: Vec<String>,
    },
    /// A module comes as source alone.
    #[error("{package} comes as source, and has no library for {target}")]
    NotBuilt {
        /// The module's package.
        package: String,
        /// The node's target.
        target: String,
    },
    /// A library has not come with the release.
    #[error("the library {file} of {package} is not in the release's file")]
    Missing {
        /// The module's package.
        package: String,
        /// The library.
        file: String,
    },
    /// A kind wants to come in in a way that the node does not know.
    #[error("the kind {kind} asks for the strategy {strategy}")]
    Strategy {
        /// The kind.
        kind: String,
        /// The strategy.
        strategy: String,
    },
    /// The release has nothing that is not live.
    #[error("all libraries of the release are live")]
    AllLive,
}

fn list(all: &[String]) -> String {
    match all.is_empty() {
        true => "none".to_owned(),
        false => all.join(", "),
    }
}

impl Explain for KeepError {
    fn code(&self) -> &str {
        match self {
            Self::UnderWay { .. } => codes::IMPORT_UNDER_WAY,
            Self::Archive(error) => error.code(),
            Self::Trust(error) => error.code(),
            Self::Full { .. } | Self::TooLarge { .. } => codes::RELEASES_FULL,
            Self::NoRoom { .. } | Self::DiskFull => codes::DISK_FULL,
            Self::Folder { .. } => codes::RELEASES_UNWRITTEN,
            Self::Unknown { .. } => codes::RELEASE_UNKNOWN,
            Self::Changed { .. } => codes::ARCHIVE_DAMAGED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::Trust(error) => error.next(),
            Self::TooLarge { .. } => Cow::Borrowed("have it packed in parts"),
            _ => next_of(self.code()),
        }
    }
}

impl Explain for NotStaged {
    fn code(&self) -> &str {
        match self {
            Self::AbiEpoch { .. } | Self::NoArtifact { .. } => codes::RELEASE_NOT_FOR_NODE,
            Self::NotBuilt { .. } => codes::RELEASE_NOT_BUILT,
            Self::Missing { .. } => codes::RELEASE_INCOMPLETE,
            Self::Strategy { .. } => codes::RELEASE_STRATEGY,
            Self::AllLive => codes::PLAN_IDENTICAL_CODE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::AllLive => Cow::Borrowed("nothing: it is live"),
            _ => next_of(self.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_refuses_for_now_is_no_loss_of_a_release() {
        let folder = |source: io::Error| KeepError::Folder {
            path: PathBuf::from("about"),
            source,
        };
        for passing in [
            rustix::io::Errno::MFILE,
            rustix::io::Errno::ACCESS,
            rustix::io::Errno::IO,
            rustix::io::Errno::NOMEM,
        ] {
            assert!(!folder(passing.into()).is_lost(), "{passing}");
        }
        assert!(folder(io::ErrorKind::InvalidData.into()).is_lost());
        let id = "ab".to_owned();
        assert!(KeepError::Unknown { id }.is_lost());
    }
}
