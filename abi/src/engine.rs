//! [`Engine`]: the trait that an author implements.

use crate::{Capability, ClientId, Context, EngineId, Fault, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A type of engine: a state, the messages that change it, the queries that read it.
///
/// Everything an engine does must follow from its state and the message: no clock, no host
/// randomness, no files, no threads, no mutable `static`. All that a handler needs of the outside is
/// in its [`Context`].
///
/// The five associated types are plain data ([`State`]): they cross as postcard or JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no engine",
    label = "not an engine kind",
    note = "`impl Engine for {Self}`: only engines are started, exported, and handle messages"
)]
pub trait Engine: State {
    /// The name of the kind, shared by all its versions: 1 to 32 bytes of `a-z`, `0-9`, `-`, `_`
    /// ([`is_kind_name`](crate::is_kind_name)); another one does not compile.
    const KIND: &'static str;

    /// The kinds whose *new* states the transitions of this kind ask with
    /// [`UpgradeBus::query`](crate::UpgradeBus::query): they are done first. A cycle is refused when an
    /// upgrade is planned.
    const AFTER: &'static [&'static str] = &[];

    /// Lists what this kind does to engines of other kinds. The node's configuration grants it; what is not
    /// declared here is refused at run time.
    const NEEDS: &'static [Capability] = &[];

    /// Whether a fault or a panic of this kind's handler leaves the state as it was before the message, and a panic
    /// poisons nothing: its sender gets the error and the engine goes on.
    ///
    /// It costs a copy of the state for each batch (by `Clone` if the state has it, else by its bytes) and one
    /// for each message that fails; the messages of the batch before that one run a second time, unseen. A
    /// state that cannot be copied handles nothing: `state-not-copied`.
    const ROLLBACK: bool = false;

    /// The configuration that an instance is started with.
    type Config: State;
    /// A request that may change the state.
    type Message: State;
    /// The reply to a message.
    type Reply: State;
    /// A request that only reads the state.
    type Query: State;
    /// The answer to a query.
    type Answer: State;

    /// Makes a fresh instance.
    ///
    /// # Errors
    /// A [`Fault`] starts nothing.
    fn init(config: Self::Config, ctx: &mut Context<'_>) -> Result<Self, Fault>;

    /// Handles one message.
    ///
    /// # Errors
    /// A [`Fault`] is the reply; what the handler sent, spawned or set is dropped. The state must be
    /// as it was: that is the author's duty (check first, then change).
    ///
    /// # Panics
    /// A panic loses this message's outputs and poisons the engine: senders get a typed reply, the
    /// other engines go on.
    fn handle(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: Self::Message,
    ) -> Result<Self::Reply, Fault>;

    /// Answers a question about the state between two blocks.
    ///
    /// # Errors
    /// A [`Fault`] is the answer.
    fn query(&self, query: Self::Query) -> Result<Self::Answer, Fault>;

    /// Says whether the state makes sense. Run on every state that was migrated by hand or crossed
    /// as bytes, before the upgrade commits.
    ///
    /// # Errors
    /// A [`Fault`] names what does not hold; an upgrade that yields such a state is aborted.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Learns that a message this engine sent was not handled. Does nothing by default.
    fn undelivered(&mut self, _ctx: &mut Context<'_>, _to: EngineId, _reason: Undelivered) {}
}

/// An engine that handles upgrade messages: those that other engines' transitions send it over the
/// upgrade bus, while the upgrade runs.
///
/// They are handled in rounds, after all transitions, on a state that is wholly new: nothing of it is
/// seen until the whole upgrade commits. An upgrade message to an engine of a kind without this trait,
/// or whose kind the upgrade does not touch, becomes an ordinary message, first in its mailbox after
/// the swap.
pub trait OnUpgrade: Engine {
    /// The upgrade messages.
    type Upgrade: State;

    /// Handles one.
    ///
    /// # Errors
    /// A [`Fault`] aborts the whole upgrade.
    ///
    /// # Panics
    /// A panic aborts the upgrade as a fault does.
    fn on_upgrade(
        &mut self,
        bus: &mut UpgradeBus<'_>,
        sender: EngineId,
        message: Self::Upgrade,
    ) -> Result<(), Fault>;
}

/// The sender of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sender {
    /// A client outside the node.
    Client(ClientId),
    /// Another engine, or the same one.
    Engine(EngineId),
    /// A timer that this engine set.
    Timer,
}

/// Why a message was not handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Undelivered {
    /// No engine has that id: none ever had, or a spawned one that has stopped.
    Unknown,
    /// The engine has stopped: it did when the message waited for it, or it is one with a name, which is never
    /// given again.
    Stopped,
    /// The engine panicked earlier and takes no messages.
    Poisoned,
    /// Its mailbox holds as many messages as it may.
    Full,
    /// Its module does not understand the message.
    Rejected,
    /// The sender's kind may not message its kind.
    Forbidden,
    /// Its handler returned a fault, of which the node's log has the code; its state is as its author left it. With the
    /// engine's own id: of a timer's message.
    Faulted,
}

impl Undelivered {
    /// Its stable word, as the node's API and log have it.
    pub fn word(self) -> &'static str {
        match self {
            Undelivered::Unknown => "unknown",
            Undelivered::Stopped => "stopped",
            Undelivered::Poisoned => "poisoned",
            Undelivered::Full => "full",
            Undelivered::Rejected => "rejected",
            Undelivered::Forbidden => "forbidden",
            Undelivered::Faulted => "faulted",
        }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Undelivered::Unknown => "there is no such engine",
            Undelivered::Stopped => "it has stopped",
            Undelivered::Poisoned => "it panicked earlier",
            Undelivered::Full => "its mailbox is full",
            Undelivered::Rejected => "it does not understand the message",
            Undelivered::Forbidden => "the sender's kind may not message its kind",
            Undelivered::Faulted => "its handler returned a fault",
        })
    }
}
