//! The script of an actor: data, so that a test, the engines and the model read the same.

use refit_abi::{ClientId, EngineId, Sender, State, Undelivered};
use serde::{Deserialize, Serialize};

/// One message: a number by which its arrival is recognised, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Set by an actor that sends it: the actor's own count of what it has sent.
    pub stamp: u64,
    /// The receiver's deeds, in this order.
    pub(crate) ops: Vec<Op>,
}

/// One thing that an actor does.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Sends.
    Send(Target, Message),
    /// Sends this many empty messages.
    Flood(Target, u64),
    /// Sends this many bytes, as a message of another schema: the receiver rejects it.
    Bytes(Target, u64),
    /// Starts an actor.
    Spawn(Config),
    /// Stops an actor.
    Stop(Target),
    /// Sets a timer, so many blocks later.
    AfterBlocks(u64, Message),
    /// Sets a timer, so many milliseconds later.
    AfterTime(u64, Message),
    /// Sends the message that this is part of again, so many times.
    Again(Target, u64),
    /// Sets it as a timer, so many blocks later.
    AgainAfter(u64),
    /// Starts so many actors that do in `init` what this message says.
    Breed(u64),
    /// Emits a number.
    Emit(u64),
    /// Draws a random number and remembers it. The model does not know it.
    Draw,
    /// Returns a fault: what this message did so far is dropped.
    Fail,
    /// Panics.
    Panic,
    /// From now on, panics when it is told of an undelivered message.
    PanicOnNotice,
    /// Logs so many lines of so many bytes.
    Log(u64, u64),
    /// Answers with so many bytes more.
    Say(u64),
    /// Below this height, leaves out what follows.
    OnlyFrom(u64),
}

/// The engine that an operation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Target {
    /// The engine with this id.
    Id(EngineId),
    /// The actor itself.
    Me,
    /// The actor's child of this number.
    Child(u64),
}

/// The configuration of an actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Config {
    /// Done in `init`; `Fail` and `Panic` keep it from starting.
    pub(crate) ops: Vec<Op>,
}

/// The answer of an actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// The version of the code that answers.
    pub(crate) version: u64,
    /// The actors it started.
    pub(crate) spawned: Vec<EngineId>,
    /// The refusals that it got: `budget`, `unknown`, `past`.
    pub(crate) refused: Vec<String>,
    /// The text that its script gave it to say.
    pub(crate) said: String,
}

/// The memory of an actor.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Seen {
    /// It handled a message of this stamp at this height.
    Message(From, u64, u64),
    /// A message to this engine was not handled, for this reason.
    Undelivered(EngineId, u64),
    /// It drew this number.
    Drawn(u64),
}

/// [`Sender`], as part of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum From {
    /// A client.
    Client(ClientId),
    /// An engine.
    Engine(EngineId),
    /// A timer.
    Timer,
}

impl From {
    pub(crate) fn of(sender: Sender) -> Self {
        match sender {
            Sender::Client(client) => From::Client(client),
            Sender::Engine(engine) => From::Engine(engine),
            Sender::Timer => From::Timer,
        }
    }
}

impl Target {
    pub(crate) fn of(self, me: EngineId) -> EngineId {
        match self {
            Target::Id(id) => id,
            Target::Me => me,
            Target::Child(number) => me.child(number),
        }
    }
}

impl Message {
    pub(crate) fn of(ops: impl Into<Vec<Op>>) -> Self {
        Self {
            stamp: 0,
            ops: ops.into(),
        }
    }
}

/// A number for each reason.
pub(crate) fn code(reason: Undelivered) -> u64 {
    match reason {
        Undelivered::Unknown => 1,
        Undelivered::Stopped => 2,
        Undelivered::Poisoned => 3,
        Undelivered::Full => 4,
        Undelivered::Rejected => 5,
        _ => 0,
    }
}
