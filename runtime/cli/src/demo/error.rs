//! The errors of the demo.

use crate::failure::Reported;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// Why the demo did not end, or did not show what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The engines' source, which this program carries, cannot be laid out.
    #[error("cannot write the engines' source into {}: {source}", folder.display())]
    NoSource { folder: PathBuf, source: io::Error },
    /// A version of the source could not be put together.
    #[error("cannot put the source of {version} together in {}: {reason}", folder.display())]
    Compose {
        version: &'static str,
        folder: PathBuf,
        reason: String,
    },
    /// A release could not be made.
    #[error("`refit {command}` failed: {said}")]
    Release { command: String, said: String },
    /// The node's process did not start.
    #[error("the node did not start: {reason}")]
    Node { reason: String },
    /// The node did not get ready in time.
    #[error("the node was not ready after {wait_s} s")]
    NotReady { wait_s: u64 },
    /// The records could not be written.
    #[error("cannot write the requests to {}: {source}", path.display())]
    Record { path: PathBuf, source: io::Error },
    /// A promise did not hold.
    #[error("a promise did not hold: {}", broken.join("; "))]
    Promise { broken: Vec<String> },
}

impl Explain for DemoError {
    fn code(&self) -> &str {
        match self {
            DemoError::NoSource { .. } => codes::DEMO_NO_SOURCE,
            DemoError::Compose { .. } => codes::DEMO_COMPOSE,
            DemoError::Release { .. } => codes::DEMO_RELEASE,
            DemoError::Node { .. } => codes::DEMO_NODE,
            DemoError::NotReady { .. } => codes::DEMO_NOT_READY,
            DemoError::Record { .. } => codes::DEMO_RECORD,
            DemoError::Promise { .. } => codes::DEMO_PROMISE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            DemoError::NoSource { .. } => {
                "name a folder that you may write to: REFIT_CACHE_DIR=DIR refit demo"
            }
            DemoError::Compose { .. } => "see that the checkout is whole, with `git status`",
            DemoError::Release { .. } => {
                "see that there is space in the folder of temporary files, and report it with this text"
            }
            DemoError::Node { .. } | DemoError::NotReady { .. } => {
                "see the node's output above; is the machine out of memory or threads?"
            }
            DemoError::Record { .. } => "give a folder that you may write to",
            DemoError::Promise { .. } => {
                "run it again with --record DIR and report the folder with this output"
            }
        })
    }
}

impl Reported for DemoError {}
