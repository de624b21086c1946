//! Why `engine dev` cannot go on, or a save could not be taken up.

use crate::client::NodeAddress;
use crate::failure::Reported;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// How a state is given up that has no step.
const RESTART: &str =
    "begin this command anew with --restart-changed: a save then drops a state that has no step";

#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    #[error("cannot open {}", path.display())]
    Source { path: PathBuf, source: io::Error },
    #[error("cannot watch {}: {source}", path.display())]
    Watch {
        path: PathBuf,
        source: notify::Error,
    },
    #[error("the node at {address} has no engine kind of this package ({})", kinds.join(", "))]
    OtherNode {
        address: NodeAddress,
        kinds: Vec<String>,
    },
    #[error("the node at {address} that ran the engine does not answer")]
    NodeGone { address: NodeAddress },
    #[error("the node ended before it was ready: {status}")]
    NodeEnded { status: ExitStatus },
    #[error("the node is not ready after {wait_s} s")]
    NotReady { wait_s: u64 },
    #[error("the upgrade before this one is still being retired after {wait_s} s")]
    Busy { wait_s: u64 },
    #[error("the upgrade has not come to its end after {wait_s} s")]
    Unfinished { wait_s: u64 },
    #[error("{reason}")]
    NoStep {
        reason: String,
        folder: PathBuf,
        /// The file of the live library.
        library: String,
        is_published: bool,
    },
    #[error("the build was lost: {reason}")]
    BuildLost { reason: String },
}

impl Explain for DevError {
    fn code(&self) -> &str {
        match self {
            Self::Source { .. } => codes::DEV_SOURCE,
            Self::Watch { .. } => codes::DEV_WATCH,
            Self::OtherNode { .. } => codes::DEV_OTHER_NODE,
            Self::NodeGone { .. } => codes::DEV_NODE_GONE,
            Self::NodeEnded { .. } => codes::DEV_NODE_ENDED,
            Self::NotReady { .. } => codes::DEV_NODE_NOT_READY,
            Self::Busy { .. } => codes::DEV_BUSY,
            Self::Unfinished { .. } => codes::DEV_UNFINISHED,
            Self::NoStep { .. } => codes::PLAN_NO_MIGRATION,
            Self::BuildLost { .. } => codes::DEV_BUILD_LOST,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NoStep {
                folder,
                library,
                is_published: false,
                ..
            } => {
                return Cow::Owned(format!(
                    "`refit engine freeze {} --library {library}` publishes the live state and prints the step from it; {RESTART}",
                    folder.display()
                ));
            }
            Self::NoStep { .. } => {
                return Cow::Owned(format!(
                    "the live state was never published: take the change back, write a step from it, or {RESTART}"
                ));
            }
            Self::Source { .. } => "name the folder of an engine's package",
            Self::Watch { .. } => {
                "see that the folder is there, and that `sysctl fs.inotify.max_user_watches` leaves room"
            }
            Self::OtherNode { .. } => {
                "name the folder of another node with `--data-dir`; if none runs there, one is started"
            }
            Self::NodeGone { .. } => {
                "start it again and save; or end this command and begin anew: then a node is started for it"
            }
            Self::NodeEnded { .. } => "its output is above; it is started again at the next save",
            Self::NotReady { .. } => "see whether the engine's `init` comes to its end",
            Self::Busy { .. } => "save again; `refit status` shows what the node does",
            Self::Unfinished { .. } => {
                "follow it with `refit upgrade status`; end this command to end a node that it started"
            }
            Self::BuildLost { .. } => "save again",
        })
    }
}

impl Reported for DevError {}
