//! The outcome of a block: answers, events, log lines and counts.

pub(crate) mod dead_letters;
pub(crate) mod ordered;
pub(crate) mod receipt;
pub(crate) mod trouble;

use crate::keys::Asker;
use crate::outcome::ordered::Ordered;
use crate::outcome::receipt::Receipt;
use crate::outcome::trouble::Trouble;
use crate::parameters::Parameters;
use crate::reply::error::ReplyError;
use refit_abi::host::CallError;
use refit_abi::{EngineId, Generation, Height, Level, Undelivered};
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
    /// The outcomes of the block's orders, in the order of their entries.
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
    /// Its importance.
    pub level: Level,
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
    /// Adds those of another block.
    pub fn add(&mut self, other: &Stats) {
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
