//! The outcome of a block: answers, events, log lines and counts.

pub(crate) mod dead_letters;
pub(crate) mod receipt;
pub(crate) mod trouble;

use crate::block::orders::Ordered;
use crate::keys::Asker;
use crate::outcome::receipt::Receipt;
use crate::outcome::trouble::Trouble;
use crate::parameters::Parameters;
use crate::reply::refusal::KeyRefusal;
use refit_abi::host::CallError;
use refit_abi::{EngineId, Fault, Generation, Height, Undelivered};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The effects of a block; they leave the node when the block is durable.
#[derive(Debug, Default)]
pub struct BlockOutcome {
    /// The block's height.
    pub height: Height,
    /// The generation whose code executed it.
    pub generation: Generation,
    /// The answers to the block's messages, in a fixed order.
    pub replies: Vec<Replied>,
    /// The outcomes of the block's orders, in the order of their places.
    pub ordered: Vec<Ordered>,
    /// The parameters that hold from the next block on, if they are others than in this one.
    pub parameters: Option<Arc<Parameters>>,
    /// Over what the engines replied and emitted, for comparison with other nodes.
    pub receipt: Receipt,
    /// The events that engines emitted.
    pub events: Vec<Emitted>,
    /// The engines' log lines.
    pub logs: Vec<LogLine>,
    /// The troubles of the block, the first [`TROUBLES_PER_BLOCK_MAX`](crate::limits::TROUBLES_PER_BLOCK_MAX) of
    /// them.
    pub troubles: Vec<Trouble>,
    /// Messages that were answered with a fault, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Messages that were handled, by kind.
    pub messages: BTreeMap<String, u64>,
    /// Counts.
    pub stats: Stats,
    /// Engines that there are after it.
    pub engines: usize,
    /// Messages that wait for the next block.
    pub backlog: usize,
    /// The height at which the next timer is due, of those that wait for a height.
    pub next_timer_height: Option<Height>,
    /// The block time at which the next timer is due, of those that wait for a time.
    pub next_timer_time: Option<refit_abi::BlockTime>,
}

/// The answer to one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replied {
    /// The client that gets it.
    pub asker: Asker,
    /// The engine that the message was for.
    pub engine: EngineId,
    /// The block in which the message was handled, or refused.
    pub height: Height,
    /// The generation whose code was live then.
    pub generation: Generation,
    /// Whether the message was handled before, and this is the answer of then.
    pub repeated: bool,
    /// The reply in the message's codec, or why there is none.
    pub outcome: Result<Vec<u8>, ReplyError>,
}

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

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// No engine has the id.
    #[error("no engine is called `{engine}`; see `refit status`")]
    Unknown {
        /// The id that was asked.
        engine: EngineId,
    },
    /// It does not serve.
    #[error("engine `{engine}` does not serve: {reason}")]
    Unavailable {
        /// The engine.
        engine: EngineId,
        /// Poisoned or stopped.
        reason: Undelivered,
    },
    /// The answer is longer than [`ANSWER_BYTES_MAX`](crate::limits::ANSWER_BYTES_MAX): the node dropped it.
    #[error(
        "the answer of engine `{engine}`, {bytes} bytes, was dropped: at most {} are taken",
        crate::limits::ANSWER_BYTES_MAX
    )]
    TooLarge {
        /// The engine.
        engine: EngineId,
        /// The answer's length.
        bytes: usize,
    },
    /// The call failed.
    #[error("{error}")]
    Call {
        /// The engine.
        engine: EngineId,
        /// The error.
        error: CallError,
    },
}

/// An event that an engine emitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emitted {
    /// The engine.
    pub engine: EngineId,
    /// Under which topic.
    pub topic: String,
    /// JSON text, as the module that ran has written it.
    pub payload: Vec<u8>,
}

/// A line that an engine logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The engine.
    pub engine: EngineId,
    /// 1 (error) to 5 (trace).
    pub level: u8,
    /// The line, without its end.
    pub line: String,
}

/// Counts of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages handled.
    pub messages: u64,
    /// Number of rounds.
    pub rounds: u64,
    /// Batches whose worker saw another generation than the block's: must stay zero.
    pub mixed: u64,
    /// Messages that became dead letters.
    pub dead_letters: u64,
    /// Engines started.
    pub spawned: u64,
    /// Messages that were answered with a fault.
    pub faults: u64,
    /// Messages after whose panic the engine was rolled back.
    pub rolled_back: u64,
    /// Engines that panicked.
    pub poisoned: u64,
    /// Log lines that were not kept.
    pub log_lines_dropped: u64,
    /// Answers to requests under keys that are no longer kept: a repeat is refused.
    pub answers_forgotten: u64,
    /// Clients with keys that are forgotten completely.
    pub clients_forgotten: u64,
}

impl Stats {
    pub(crate) fn add(&mut self, other: &Stats) {
        self.messages += other.messages;
        self.rounds += other.rounds;
        self.mixed += other.mixed;
        self.dead_letters += other.dead_letters;
        self.spawned += other.spawned;
        self.faults += other.faults;
        self.rolled_back += other.rolled_back;
        self.poisoned += other.poisoned;
        self.log_lines_dropped += other.log_lines_dropped;
        self.answers_forgotten += other.answers_forgotten;
        self.clients_forgotten += other.clients_forgotten;
    }
}
