//! What an actor is told to do, says and remembers: data, so that a test, the engines and the model read the same.

use refit_abi::{ClientId, EngineId, Height, Sender, State, TimerId};
use serde::{Deserialize, Serialize};

/// A tag by which its arrival is recognised, and what the handler does, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) tag: u32,
    pub(crate) ops: Vec<Op>,
}

/// One thing that an actor does.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Sends.
    Send(Target, Message),
    /// Sends `count` messages that do nothing, each of at least so many bytes.
    Flood {
        to: Target,
        count: u32,
        bytes: u32,
    },
    /// Sends this many bytes, as a message of another schema: an actor rejects it.
    Bytes(Target, u64),
    /// Sends the message that this is part of again, so many times.
    Again(Target, u32),
    /// Starts an actor.
    Spawn(Config),
    /// Starts so many.
    SpawnMany(u32),
    /// Starts so many that do in `init` what this message says.
    Breed(u32),
    /// Starts an engine of a kind that no module has.
    SpawnGhost,
    /// Starts an actor with what code of another version would start one with.
    SpawnMistaken,
    /// Stops an engine.
    Stop(Target),
    /// Sets a timer, so many blocks later.
    AfterBlocks(u64, Message),
    /// Sets a timer, so many milliseconds later.
    AfterTime(u64, Message),
    /// Sets the message that this is part of as a timer, so many blocks later.
    AgainAfter(u64),
    /// Sets so many timers for the next block.
    TimerMany(u32),
    /// Sets a timer, for the next block, with a message that no actor understands.
    TimerInTongues,
    /// Cancels the timer of this number among those that it ever set.
    CancelTimer(u32),
    /// Writes down what the message may still ask for.
    Budget,
    /// Emits so many digits, in quotation marks.
    Emit(u32),
    /// Logs so many lines, each of so many bytes.
    Log {
        lines: u32,
        bytes: u32,
    },
    /// Answers with so many bytes more.
    Say(u32),
    /// Draws a random number and remembers it.
    Draw,
    /// Does nothing: it is there for its bytes.
    Carry(String),
    /// Alone in a message: the message leaves no trace of itself.
    Nothing,
    /// Below this height, leaves out what follows.
    OnlyFrom(u64),
    /// Fails, and leaves the memory as it was before the message.
    Fail,
    /// Fails, and leaves what it changed before.
    FailHalfDone,
    Panic,
    /// From now on, panics when it is told of an undelivered message.
    PanicOnNotice,
}

/// The engine that an operation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Target {
    Id(EngineId),
    /// The actor itself.
    Me,
    /// The actor's child of this number.
    Child(u32),
}

/// The configuration of an actor: what it does in `init`. `Fail` and `Panic` keep it from starting.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) ops: Vec<Op>,
}

/// The reply to a message.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// The version of the code that answers.
    pub(crate) code: u32,
    /// Messages that the actor has handled.
    pub(crate) handled: u64,
    pub(crate) height: Height,
    /// The requests of this message that the node refused.
    pub(crate) refused: Vec<String>,
    /// The text that its script gave it to say.
    pub(crate) said: String,
}

/// The memory of an actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) log: Vec<Seen>,
    pub(crate) children: Vec<EngineId>,
    /// The timers that it set.
    pub(crate) timers: Vec<TimerId>,
    pub(crate) budgets: Vec<String>,
    /// To whom a message of its own did not come, and why.
    pub(crate) notices: Vec<(EngineId, String)>,
    /// The requests that the node refused.
    pub(crate) refused: Vec<String>,
    pub(crate) random: Vec<u64>,
    pub(crate) brittle: bool,
}

/// One handled message.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) from: Origin,
    pub(crate) tag: u32,
    /// The version of the code that handled it.
    pub(crate) code: u32,
}

/// A sender, as a state may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Origin {
    Client(ClientId),
    Engine(EngineId),
    Timer,
}

impl Message {
    pub(crate) fn of(ops: impl Into<Vec<Op>>) -> Self {
        Self {
            tag: 0,
            ops: ops.into(),
        }
    }

    /// A message that does nothing.
    pub(crate) fn tagged(tag: u32) -> Self {
        Self {
            tag,
            ops: Vec::new(),
        }
    }

    /// A message of at least `bytes` bytes that does nothing.
    pub(crate) fn padded(bytes: u32) -> Self {
        let padding = (bytes > 0).then(|| Op::Carry("x".repeat(bytes as usize)));
        Self::of(padding.into_iter().collect::<Vec<_>>())
    }
}

impl Op {
    pub(crate) fn send(to: impl Into<Target>, message: Message) -> Self {
        Self::Send(to.into(), message)
    }

    /// Sends `count` messages that do nothing.
    pub(crate) fn flood(to: impl Into<Target>, count: u32) -> Self {
        Self::Flood {
            to: to.into(),
            count,
            bytes: 0,
        }
    }

    pub(crate) fn stop(engine: impl Into<Target>) -> Self {
        Self::Stop(engine.into())
    }
}

impl Target {
    /// The engine that the actor `me` means by it.
    pub(crate) fn of(self, me: EngineId) -> EngineId {
        match self {
            Target::Id(id) => id,
            Target::Me => me,
            Target::Child(number) => me.child(number.into()),
        }
    }
}

impl From<EngineId> for Target {
    fn from(id: EngineId) -> Self {
        Target::Id(id)
    }
}

impl From<Sender> for Origin {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Client(id) => Origin::Client(id),
            Sender::Engine(id) => Origin::Engine(id),
            Sender::Timer => Origin::Timer,
        }
    }
}
