//! [`RunError`]: why a node does not run.

use super::announcing::NotOpen;
use super::restart::NotKept;
use crate::failure::Reported;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::BindError;
use refit_loader::confine::ConfineError;
use refit_node::{Failed, FolderError, QuarantineError, StartError, StoreOpenError};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a node does not run.
#[derive(Debug)]
pub(crate) enum RunError {
    DataDir {
        path: PathBuf,
        source: io::Error,
    },
    Announce(NotOpen),
    Folder(FolderError),
    Restart(NotKept),
    Sandbox(ConfineError),
    /// A part of the data folder lies outside of the room of a confined node.
    LeadsOut {
        path: PathBuf,
        target: PathBuf,
    },
    /// The process that starts children for a confined node did not start.
    NoHelper(io::Error),
    Quarantine(QuarantineError),
    Store(StoreOpenError),
    Start(StartError),
    Bind(BindError),
    Failed(Failed),
    /// It stopped to be started again, and this program cannot put itself in its own place.
    NotAgain {
        why: String,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDir { path, .. } => {
                let shown = path.display();
                match (path.is_dir(), path.exists()) {
                    (true, _) => write!(f, "cannot write into the data folder {shown}"),
                    (false, true) => write!(f, "the data folder {shown} is no folder"),
                    (false, false) => write!(f, "cannot make the data folder {shown}"),
                }
            }
            Self::Announce(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
            Self::Restart(error) => write!(f, "the node does not restart: {error}"),
            Self::Sandbox(error) => write!(f, "the node does not start: {error}"),
            Self::LeadsOut { path, target } => write!(
                f,
                "{} leads to {}, and the sandbox keeps a node in its data folder",
                path.display(),
                target.display()
            ),
            Self::NoHelper(error) => write!(
                f,
                "the node does not start: the process that starts children for it cannot be started: {error}"
            ),
            Self::Quarantine(error) => error.fmt(f),
            Self::Store(error) => write!(f, "the node does not start: {error}"),
            Self::Start(error) => write!(f, "the node does not start: {error}"),
            Self::Bind(error) => error.fmt(f),
            Self::NotAgain { why } => {
                write!(
                    f,
                    "the next start of the node carries out what it has stopped for, and it cannot start itself again: {why}"
                )
            }
            Self::Failed(failed) => {
                write!(f, "the node had failed before it was told to end: {failed}")
            }
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::DataDir { source, .. } => Some(source),
            Self::Start(_)
            | Self::Sandbox(_)
            | Self::LeadsOut { .. }
            | Self::NoHelper(_)
            | Self::Store(_)
            | Self::Announce(_)
            | Self::Folder(_)
            | Self::Restart(_)
            | Self::Quarantine(_)
            | Self::NotAgain { .. }
            | Self::Failed(_) => None,
            Self::Bind(error) => error.source(),
        }
    }
}

impl Explain for RunError {
    fn code(&self) -> &str {
        match self {
            Self::DataDir { .. } => codes::RUN_DATA_DIR,
            Self::Announce(_) => codes::RUN_ANNOUNCE,
            Self::Folder(error) => error.code(),
            Self::Restart(_) => codes::RUN_NOT_KEPT,
            Self::Sandbox(error) => error.code(),
            Self::LeadsOut { .. } => codes::SANDBOX_LEADS_OUT,
            Self::NoHelper(_) => codes::SANDBOX_NO_HELPER,
            Self::Quarantine(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Start(error) => error.code(),
            Self::Bind(_) => codes::RUN_LISTEN,
            Self::Failed(_) => codes::RUN_FAILED,
            Self::NotAgain { .. } => codes::RUN_NOT_KEPT,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NotAgain { .. } => {
                "start the node again: its start carries out what it has stopped for"
            }
            Self::DataDir { source, .. } if is_full(source) => {
                "free space on its disk, or name another with --data-dir"
            }
            Self::DataDir { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                "see what stands there, and remove it if you did not make it: engines can write there"
            }
            Self::DataDir { path, .. } if path.is_dir() => {
                "give this user the right to write into it, or name another with --data-dir"
            }
            Self::DataDir { .. } => "name another with --data-dir",
            Self::Announce(_) => {
                "leave --announce-steps out, or name a descriptor that the starting program left open"
            }
            Self::Folder(error) => return error.next(),
            Self::Restart(_) => {
                "see that the library is the one you want, and start the node again by hand"
            }
            Self::Sandbox(error) => return error.next(),
            Self::LeadsOut { .. } => {
                "remove it if you did not make it: engines can write there; else put the whole data folder on that disk and name it with --data-dir, or mount the disk there (mount --bind) instead of the link; or configure sandbox = \"off\" if you trust the code of its engines"
            }
            Self::NoHelper(_) => {
                "raise the limits of processes and of open files (ulimit -u, ulimit -n), and start the node again"
            }
            Self::Quarantine(error) => return error.next(),
            Self::Store(error) => return error.next(),
            Self::Start(error) => return error.next(),
            Self::Bind(BindError::Group { .. } | BindError::OtherGroup { .. }) => {
                "name another group with --socket-group: root, and a member of it, may give it the socket"
            }
            Self::Bind(_) => {
                "name another place with --socket, --data-dir, --tcp or --probe-listen"
            }
            Self::Failed(_) => "its log says more; start it again",
        })
    }
}

impl Reported for RunError {}

/// Whether the disk, or the user's part of it, has no space.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_about_what_was_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = |kind: io::ErrorKind| RunError::DataDir {
            path: folder.path().to_owned(),
            source: kind.into(),
        };
        let next = |error: RunError| error.next().into_owned();
        assert!(next(data_dir(io::ErrorKind::StorageFull)).starts_with("free space"));
        assert!(next(data_dir(io::ErrorKind::PermissionDenied)).starts_with("give this user"));
        let group = RunError::Bind(BindError::OtherGroup {
            path: folder.path().to_owned(),
            group: 7,
            found: 0,
        });
        assert!(next(group).contains("--socket-group"));
    }

    #[test]
    fn a_node_that_had_failed_ends_with_a_code_of_its_own_and_says_how() {
        let said = "out of order".to_owned();
        let error = RunError::Failed(Failed::Driver { said });
        assert_eq!(error.exit() as u8, 70);
        assert!(error.to_string().contains("out of order"), "{error}");
    }
}
