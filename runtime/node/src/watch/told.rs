//! [`StuckCall`]: a call into an engine that does not return, in words.

use refit_abi::host::running::{Call, Label, Message};
use refit_abi::{EngineId, Sender};
use std::fmt;
use std::time::Duration;

/// A call into an engine that does not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckCall {
    /// The engine, where that is known.
    pub engine: Option<EngineId>,
    /// Its code.
    pub label: &'static Label,
    /// The kind of call.
    pub call: Call,
    /// Messages in the batch; 0 if it handles none.
    pub batch: usize,
    /// The message that it handles, where that is known.
    pub message: Option<Message>,
    /// The name of the client that sent it, where that is known; empty for one that gave none.
    pub client: Option<String>,
    /// For how long, not counting time in which this process did not run.
    pub lasted: Duration,
    /// Whether it counts as one that never returns.
    pub is_dead: bool,
}

impl StuckCall {
    /// The call, without its duration: `engine evil handles message 2 of client x`.
    pub fn deed(&self) -> String {
        let who = match self.engine {
            Some(engine) => format!("engine {engine}"),
            None => format!("an engine of kind {}", self.label.kind()),
        };
        let what = match self.call {
            Call::Handle => return format!("{who} handles {}", self.handled()),
            Call::Init => "runs its init",
            Call::Query => "answers a query",
            Call::Check => "checks its state",
            Call::Encode => "writes its state down",
            Call::Decode => "reads a state",
            Call::Discard => "drops a state",
            Call::Rewrite => "reads a message or a configuration",
            Call::Undelivered => "takes a notice of what was not delivered",
            Call::OnUpgrade => "handles an upgrade message",
            Call::Migrate => "migrates a state",
            Call::Describe => "describes itself",
        };
        format!("{who} {what}")
    }

    fn handled(&self) -> String {
        match &self.message {
            Some(message) => said(message, self.client.as_deref()),
            None if self.batch > 1 => format!("one of {} messages", self.batch),
            None => "a message".to_owned(),
        }
    }
}

/// A message in words: `message 2 of client x`.
fn said(message: &Message, client: Option<&str>) -> String {
    let number = message.sequence;
    match (message.sender, client) {
        (Sender::Client(_), Some("")) => format!("message {number} without a key"),
        (Sender::Client(_), Some(name)) => format!("message {number} of client {name}"),
        (Sender::Client(_), None) => format!("message {number} of a client that has gone"),
        (Sender::Engine(engine), _) => format!("message {number} of engine {engine}"),
        (Sender::Timer, _) => "the message of a timer".to_owned(),
    }
}

/// `5 s`; what is below a second in tenths.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{:.1} s", time.as_secs_f32()),
        seconds => format!("{seconds} s"),
    }
}

impl fmt::Display for StuckCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} since {}", self.deed(), seconds(self.lasted))
    }
}
