//! Why `engine dev` cannot go on, or a save could not be taken up.

use crate::client::NodeAddress;
use crate::exit::Exit;
use miette::Diagnostic;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum DevError {
    #[error("cannot open {}", path.display())]
    #[diagnostic(code(dev::source), help("name the folder of an engine's package"))]
    Source { path: PathBuf, source: io::Error },
    #[error("cannot watch {}: {source}", path.display())]
    #[diagnostic(
        code(dev::watch),
        help(
            "see that the folder is there, and that `sysctl fs.inotify.max_user_watches` leaves room"
        )
    )]
    Watch {
        path: PathBuf,
        source: notify::Error,
    },
    #[error("the node at {address} has no engine kind of this package ({})", kinds.join(", "))]
    #[diagnostic(
        code(dev::other_node),
        help(
            "name the folder of another node with `--data-dir`; if none runs there, one is started"
        )
    )]
    OtherNode {
        address: NodeAddress,
        kinds: Vec<String>,
    },
    #[error("the node at {address} that ran the engine does not answer")]
    #[diagnostic(
        code(dev::node_gone),
        help(
            "start it again and save; or end this command and begin anew: then a node is started for it"
        )
    )]
    NodeGone { address: NodeAddress },
    #[error("the node ended before it was ready: {status}")]
    #[diagnostic(
        code(dev::node_ended),
        help("what it said is above; it is started again at the next save")
    )]
    NodeEnded { status: ExitStatus },
    #[error("the node is not ready after {wait_s} s")]
    #[diagnostic(
        code(dev::node_not_ready),
        help("see whether the engine's `init` comes to its end")
    )]
    NotReady { wait_s: u64 },
    #[error("the upgrade before this one is still being put away after {wait_s} s")]
    #[diagnostic(code(dev::busy), help("save again; see how it is with `refit status`"))]
    Busy { wait_s: u64 },
    #[error("the upgrade has not come to its end after {wait_s} s")]
    #[diagnostic(
        code(dev::unfinished),
        help(
            "follow it with `refit upgrade status`; end this command to end a node that it started"
        )
    )]
    Unfinished { wait_s: u64 },
    #[error("the build was lost: {reason}")]
    #[diagnostic(code(dev::build_lost), help("save again"))]
    BuildLost { reason: String },
}

impl DevError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Source { .. } | Self::Watch { .. } | Self::OtherNode { .. } => Exit::Usage,
            Self::NodeGone { .. }
            | Self::NodeEnded { .. }
            | Self::NotReady { .. }
            | Self::Busy { .. }
            | Self::Unfinished { .. } => Exit::NoAnswer,
            Self::BuildLost { .. } => Exit::Internal,
        }
    }
}
