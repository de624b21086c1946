//! [`ReplyError`]: why a message has no reply.

use crate::reply::refusal::KeyRefusal;
use refit_abi::{EngineId, Fault, Undelivered};
use serde::{Deserialize, Serialize};

/// Why a message has no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ReplyError {
    /// The engine's own fault.
    #[error("{0}")]
    Fault(Fault),
    /// The engine's own fault, with a state that differs from the one before the message: checked only on a node with
    /// `check_faults`.
    #[error("{0}")]
    ChangedAtFault(Fault),
    /// The message is not one that the engine understands.
    #[error("the message is not one that engine `{engine}` understands: {reason}")]
    Rejected {
        /// The engine.
        engine: EngineId,
        /// The decoder's error.
        reason: String,
    },
    /// The engine panicked on this message.
    #[error(
        "engine `{engine}` panicked on this message and is poisoned{}",
        said(text)
    )]
    Panicked {
        /// The engine.
        engine: EngineId,
        /// The panic's text; empty in an answer that is given again.
        text: String,
    },
    /// The engine panicked on this message; its kind rolls back.
    #[error(
        "engine `{engine}` panicked on this message; its state is as it was before{}",
        said(text)
    )]
    RolledBack {
        /// The engine.
        engine: EngineId,
        /// The panic's text; empty in an answer that is given again.
        text: String,
    },
    /// The message was handled, and its reply is longer than it may be: the node dropped it.
    #[error(
        "engine `{engine}` handled this message, and its reply of {bytes} bytes was dropped: at most {bytes_max} are taken"
    )]
    TooLarge {
        /// The engine.
        engine: EngineId,
        /// The reply's length.
        bytes: usize,
        /// As long as it may be.
        bytes_max: usize,
    },
    /// The message was handled, and its reply is lost: what leaves the node in one round was as much as may.
    #[error(
        "engine `{engine}` handled this message, and its reply of {bytes} bytes was lost: all replies and events of one round have {bytes_max} bytes"
    )]
    NoRoom {
        /// The engine.
        engine: EngineId,
        /// The reply's length.
        bytes: usize,
        /// As much as all of them may have.
        bytes_max: usize,
    },
    /// The message did not reach a handler.
    #[error("engine `{engine}` did not get the message: {reason}")]
    Undelivered {
        /// The engine.
        engine: EngineId,
        /// The reason.
        reason: Undelivered,
    },
    /// The message is not handled because of its key.
    #[error("{0}")]
    Key(KeyRefusal),
}

/// The panic's text, if it is known.
fn said(text: &str) -> String {
    match text {
        "" => "; what it said is in the log of that time".to_owned(),
        text => format!(": {text}"),
    }
}
