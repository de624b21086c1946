//! [`RecoveryError`]: why a node does not go on from its data folder.

use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::{Height, host::shown};
use refit_kernel::StreamError;
use refit_loader::OpenError;
use refit_ordering::BlockRefused;
use refit_store::Fault;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// Longest text of what is wrong with a checkpoint, in bytes.
const WHY_BYTES_MAX: usize = 512;

/// Why a node does not go on from its data folder. Nothing in the folder has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] Fault),
    /// A file of the data folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The state of an engine cannot be written.
    #[error(transparent)]
    Unwritten(StreamError),
    /// The data folder is another chain's.
    #[error("the data folder has the chain `{found}`, and the configuration names `{configured}`")]
    OtherChain {
        /// The chain of the folder.
        found: String,
        /// The one that is configured.
        configured: String,
    },
    /// The chain began with other engines.
    #[error("the chain of the data folder began with the engines {}, and the configuration has {}", found.join(", "), configured.join(", "))]
    OtherEngines {
        /// The engines that it began with.
        found: Vec<String>,
        /// Those that are configured.
        configured: Vec<String>,
    },
    /// The configuration names code that is neither live nor what the chain was configured with.
    #[error("the configuration names other code than the node runs: engine `{engine}` is {found}, and {} has {configured}", path.display())]
    OtherCode {
        /// The engine.
        engine: String,
        /// What is configured for it.
        path: PathBuf,
        /// BLAKE3 of that file.
        configured: String,
        /// BLAKE3 of what runs.
        found: String,
    },
    /// A restore has begun, and has not come to its end.
    #[error("the restore of {} into the data folder has not come to its end", file.display())]
    RestoreUnfinished {
        /// The snapshot.
        file: PathBuf,
    },
    /// There are blocks, and no checkpoint to begin with.
    #[error("no checkpoint of the data folder can be read: {why}")]
    NoCheckpoint {
        /// What is wrong with the newest.
        why: String,
    },
    /// The code of a checkpoint is not kept.
    #[error(
        "the library {artifact} of the kind `{kind}`, which the states of block {height} are of, is not kept"
    )]
    CodeMissing {
        /// The checkpoint's height.
        height: Height,
        /// The kind.
        kind: String,
        /// BLAKE3 of the library.
        artifact: String,
    },
    /// A kept library is not what it was.
    #[error("{} was changed: its hash is {found}", path.display())]
    CodeChanged {
        /// The file, whose name is the hash that it had.
        path: PathBuf,
        /// The hash that it has.
        found: String,
    },
    /// A kept library is not loaded.
    #[error("{}: {source}", path.display())]
    Code {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: OpenError,
    },
    /// A block of the log is not what it was.
    #[error("block {height} of the log cannot be read: {why}")]
    Block {
        /// The block.
        height: Height,
        /// Why not.
        why: String,
    },
    /// A block of the log does not follow the state.
    #[error("the log cannot be executed again: {0}")]
    Refused(BlockRefused),
    /// An upgrade of the log cannot be made again.
    #[error("the upgrade after block {height} cannot be made again: {why}")]
    Upgrade {
        /// Its height.
        height: Height,
        /// Why not.
        why: String,
    },
    /// The node ended meanwhile.
    #[error("the node ended while it executed its log again")]
    Ended,
}

impl RecoveryError {
    /// Of a checkpoint that cannot be read.
    pub(crate) fn unreadable(error: &StreamError) -> String {
        shown(&error.to_string(), WHY_BYTES_MAX)
    }
}

impl Explain for RecoveryError {
    fn code(&self) -> &str {
        match self {
            Self::Store(fault) => fault.code(),
            Self::File { .. } => codes::DISK_FAULT,
            Self::Unwritten(error) => error.code(),
            Self::OtherChain { .. } => codes::DATA_OTHER_CHAIN,
            Self::OtherEngines { .. } => codes::DATA_OTHER_ENGINES,
            Self::OtherCode { .. } => codes::DATA_OTHER_CODE,
            Self::RestoreUnfinished { .. } => codes::RESTORE_UNFINISHED,
            Self::NoCheckpoint { .. } => codes::CHECKPOINT_UNREADABLE,
            Self::CodeMissing { .. } => codes::KEPT_CODE_MISSING,
            Self::CodeChanged { .. } => codes::KEPT_CODE_CHANGED,
            Self::Code { source, .. } => source.code(),
            Self::Block { .. } => codes::LOG_UNREADABLE,
            Self::Refused(_) => codes::REPLAY_REFUSED,
            Self::Upgrade { .. } => codes::REPLAY_UPGRADE,
            Self::Ended => codes::NODE_ENDED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::RestoreUnfinished { file } => {
                return Cow::Owned(format!(
                    "restore it again, which goes on in this folder: refit snapshot restore {}; to begin without it, start with \
                     another --data-dir",
                    file.display()
                ));
            }
            Self::Store(fault) => return fault.next(),
            Self::File { .. } => {
                "give the node the rights to its data folder and room on its disk, and start it again"
            }
            Self::Unwritten(error) => return error.next(),
            Self::OtherChain { .. } => {
                "name that chain in the configuration, or begin the other one in a folder of its own with --data-dir"
            }
            Self::OtherEngines { .. } => {
                "put the engines back into the configuration as they were; an engine that is to be new is started by another one, or begin a new chain with --data-dir"
            }
            Self::OtherCode { .. } => {
                "start the node with `--code live`, which starts what it ran, then bring the new code with: refit upgrade apply"
            }
            Self::NoCheckpoint { .. } | Self::Block { .. } => {
                "put the data folder back from a copy of yours; to begin anew without its states, start with another --data-dir"
            }
            Self::CodeMissing { .. } | Self::CodeChanged { .. } => {
                "put that library back under its name in the data folder's `store/code`, from a copy of the folder or from where it was built"
            }
            Self::Code { source, .. } => return source.next(),
            Self::Refused(refused) => return refused.next(),
            Self::Upgrade { .. } => "keep the data folder as it is, and report it with the log",
            Self::Ended => "start it again",
        })
    }
}
