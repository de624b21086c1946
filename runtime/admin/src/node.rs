//! The node as this crate sees it: [`Node`], which the embedding implements.

use crate::api::{
    CodeTaken, EngineRestarted, EngineRevived, Imported, KeptRelease, KeysetInForce, Life,
    OfferedRelease, ParameterChange, ParametersReport, ProbationStatus, QuarantineEntry,
    RehearsalReport, ReleaseBuild, ReleasesPruned, RollBackAccepted, RollBackReport, Status,
    UpgradeAccepted, UpgradeRecord, UpgradeReport,
};
use crate::{Bytes, Entrance, EventFeed, Metrics, Part, RequestId, Room, Share};
use refit_abi::fixture::Fixture;
use refit_abi::host::{Explain, Explained};
use refit_abi::{EngineId, Generation, Height};
use std::fmt;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;

/// A value that a node gives later, or the reason why not.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// The outcomes of messages that were handed over together.
pub type Pending = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// The answers to messages that were handed over together.
#[derive(Debug, Default)]
pub struct Answered {
    /// As many as messages, in their order.
    pub answers: Vec<Result<Replied, Refusal>>,
    /// The part of [`Node::answers`] that the small ones among them hold together, if that is much.
    pub part: Part,
}

/// The interface's view of a node. All bodies are JSON texts, already checked to be JSON.
///
/// A future may be dropped before it is ready, when the client is gone or its time is up; the
/// message itself may still be executed, and a client that gave a [`RequestId`] learns of it by
/// asking again.
///
/// The functions that give no future are called on threads that may block, except [`Node::ready`],
/// [`Node::live`], [`Node::answers`], [`Node::moment`], [`Node::life`], [`Node::parameters`], [`Node::events`] and
/// [`Node::metrics`], which must not.
pub trait Node: Send + Sync + 'static {
    /// Hands a message that came in there to an engine, and waits for its reply. With a [`RequestId`] that was seen
    /// before, wherever it came in, gives the recorded reply instead.
    fn send(
        &self,
        engine: EngineId,
        at: Entrance,
        request: Option<RequestId>,
        body: Bytes,
    ) -> Answer<'_, Replied>;

    /// Hands several messages over that came in there, as [`Node::send`] does one, in their order: who hands over
    /// another group after this future is ready has it executed after this one. What becomes of them is waited for
    /// apart.
    fn submit(
        &self,
        at: Entrance,
        group: Vec<Sent>,
    ) -> Pin<Box<dyn Future<Output = Pending> + Send + '_>>;

    /// Asks an engine something, between two blocks, without changing it.
    fn query(&self, engine: EngineId, body: Bytes) -> Answer<'_, Replied>;

    /// An engine's state, as its code writes it down between two blocks.
    ///
    /// # Errors
    /// The [`Refusal`] of an engine that is unknown or has no state to rely on.
    fn state(&self, engine: EngineId) -> Result<CapturedState, Refusal>;

    /// Takes a snapshot of the node between two blocks, and of its libraries if they are to go with it; may take minutes.
    ///
    /// # Errors
    /// The [`Refusal`] of a node that takes one already, or has no room for it.
    fn snapshot(&self, with_code: bool) -> Result<TakenSnapshot, Refusal>;

    /// Starts an engine afresh: what it was goes, its mail stays. Ready once the block that says so is executed. With a
    /// [`RequestId`] under which that was done before, does nothing and gives what it did then.
    fn restart(&self, engine: EngineId, by: OrderedBy) -> Answer<'_, CarriedOut<EngineRestarted>>;

    /// Finds the state that a poisoned engine had before the message that poisoned it, or what an order under the same
    /// [`RequestId`] has come to; may take minutes.
    ///
    /// # Errors
    /// The [`Refusal`] if the engine is not poisoned, or its last good state cannot be had.
    fn last_good(&self, engine: EngineId, by: &OrderedBy) -> Result<LastGood, Refusal>;

    /// Has a poisoned engine go on with a state that it had; mail, timers and counts go on. Ready once the block that
    /// says so is executed.
    fn revive(
        &self,
        engine: EngineId,
        state: GoodState,
        by: OrderedBy,
    ) -> Answer<'_, CarriedOut<EngineRevived>>;

    /// The parameters that hold for the next block. Must not block.
    fn parameters(&self) -> ParametersReport;

    /// Changes parameters, and gives all of them once the block that says so is executed: they hold for the block
    /// after it. With a [`RequestId`] under which the same was set before, sets nothing: the report says what that
    /// has made of them, and what holds now.
    fn set_parameters(
        &self,
        change: ParameterChange,
        by: OrderedBy,
    ) -> Answer<'_, CarriedOut<ParametersReport>>;

    /// Takes the bytes of a library that a plan will name by their hash; may take minutes. Nothing of them is run.
    ///
    /// # Errors
    /// The [`Refusal`] if they do not arrive whole, or cannot be written.
    fn offer(&self, code: OfferedCode) -> Result<CodeTaken, Refusal>;

    /// Begins the upgrade that a plan describes; `plan` is the plan's JSON, decoded by the node. With a [`RequestId`]
    /// under which the same was begun before, begins nothing and gives that upgrade.
    fn apply(
        &self,
        plan: Bytes,
        by: OrderedBy,
        options: ApplyOptions,
    ) -> Answer<'_, UpgradeAccepted>;

    /// Rehearses the upgrade that a plan describes, which changes nothing.
    fn rehearse(&self, plan: Bytes) -> Answer<'_, RehearsalReport>;

    /// The code that the node does not bring in again, oldest entry first.
    fn quarantine(&self) -> Vec<QuarantineEntry>;

    /// Clears the entries that name an artifact; says how many there were.
    ///
    /// # Errors
    /// The [`Refusal`] if the list cannot be written.
    fn clear_quarantine(&self, artifact: &str) -> Result<usize, Refusal>;

    /// The report of one upgrade, or `None` if the node does not know it.
    fn upgrade(&self, id: u64) -> Option<UpgradeReport>;

    /// All that is kept of one upgrade, or `None` if the node does not know it.
    fn upgrade_record(&self, id: u64) -> Option<UpgradeRecord>;

    /// The code that the node keeps, and why: generations, the oldest first, and then what has failed.
    ///
    /// # Errors
    /// The [`Refusal`] if the node does not come to it in time, or cannot read what it keeps.
    fn releases(&self) -> Result<Vec<KeptRelease>, Refusal>;

    /// Takes a signed record in, and what comes with it: a release with its files, a revocation, an attestation. Nothing of it
    /// is looked at before its signatures were, nothing is kept before its hash was.
    ///
    /// # Errors
    /// The [`Refusal`] of what is not trusted, not whole, or has no room.
    fn import(&self, body: Box<dyn Read + Send>) -> Result<Imported, Refusal>;

    /// What a release that was imported would bring into this node: its libraries for it, found fit by a child process.
    ///
    /// # Errors
    /// The [`Refusal`] of one that may not come in, or has nothing for this node.
    fn offered(&self, release: &str) -> Result<OfferedRelease, Refusal>;

    /// Begins to build what a release that was imported has for this node as source alone, or says how far that is: it takes
    /// minutes, and nobody waits for it here.
    ///
    /// # Errors
    /// The [`Refusal`] of one that may not come in, or that is not built here.
    fn build_release(&self, release: &str) -> Result<ReleaseBuild, Refusal>;

    /// How far the build of a release is, or what came of it.
    ///
    /// # Errors
    /// The [`Refusal`] if none was begun.
    fn release_build(&self, release: &str) -> Result<ReleaseBuild, Refusal>;

    /// Removes the imported releases that can no longer come in, and that nothing needs.
    ///
    /// # Errors
    /// The [`Refusal`] if they cannot be removed.
    fn prune_releases(&self) -> Result<ReleasesPruned, Refusal>;

    /// The keyset that the node goes by.
    ///
    /// # Errors
    /// The [`Refusal`] if it has none.
    fn keyset(&self) -> Result<KeysetInForce, Refusal>;

    /// Goes by another keyset from here on: the first one, or the one that follows.
    ///
    /// # Errors
    /// The [`Refusal`] of one that does not follow, or that cannot be written down.
    fn install_keyset(&self, bytes: &[u8]) -> Result<KeysetInForce, Refusal>;

    /// The reports of all upgrades that the node remembers, oldest first.
    fn upgrades(&self) -> Vec<UpgradeReport>;

    /// Takes back an upgrade whose gate has not closed, and waits until it has ended; the report says so. `None` if
    /// the node does not know it.
    ///
    /// # Errors
    /// The [`Refusal`] of one that can no longer be taken back.
    fn cancel_upgrade(&self, id: u64) -> Result<Option<UpgradeReport>, Refusal>;

    /// Makes the generation on probation permanent, if it is that of this upgrade; 0: whichever it is of.
    ///
    /// # Errors
    /// The [`Refusal`] if it is not on probation, or the decision cannot be written.
    fn confirm_upgrade(&self, id: u64) -> Result<ProbationStatus, Refusal>;

    /// Decides that the generation on probation is taken back, if it is that of this upgrade; 0: whichever it is of.
    /// The node restarts for it.
    ///
    /// # Errors
    /// The [`Refusal`] if it is not on probation, or cannot be taken back.
    fn roll_back(&self, id: u64) -> Result<RollBackAccepted, Refusal>;

    /// What taking the generation on probation back would come to, if it is that of this upgrade; 0: whichever it is
    /// of. Found out on a copy, in a process of its own; nothing is decided.
    ///
    /// # Errors
    /// The [`Refusal`] if it is not on probation, or the trial does not come to an end.
    fn check_roll_back(&self, id: u64) -> Result<RollBackReport, Refusal>;

    /// How the node is now.
    ///
    /// # Errors
    /// A [`Refusal`] if the node does not come to it in time, or executes nothing any more.
    fn status(&self) -> Result<Status, Refusal>;

    /// Whether the node takes messages now, else why not.
    ///
    /// # Errors
    /// The [`Refusal`] that `/readyz` shows.
    fn ready(&self) -> Result<(), Refusal>;

    /// Whether a supervisor should leave the process alone, else why not.
    ///
    /// # Errors
    /// The [`Refusal`] that `/livez` shows.
    fn live(&self) -> Result<(), Refusal> {
        Ok(())
    }

    /// The events that engines emit.
    fn events(&self) -> Arc<dyn EventFeed>;

    /// The room for large answers, of all listeners together. Must not block.
    fn answers(&self) -> &Room;

    /// The newest block and the live generation. Must not block.
    fn moment(&self) -> Moment;

    /// Which run of the node this is. Must not block.
    fn life(&self) -> Life;

    /// How often the chain was rolled back or restored. Must not block.
    fn branch(&self) -> u64;

    /// Whether replies are held back until the live generation is permanent: what is read may be taken back. Must not
    /// block.
    fn is_unconfirmed(&self) -> bool;

    /// The node's metrics.
    fn metrics(&self) -> &Metrics;
}

/// A message on its way to an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The engine.
    pub engine: EngineId,
    /// The key under which it is executed once, if the client gave one.
    pub request: Option<RequestId>,
    /// The JSON text.
    pub body: Vec<u8>,
}

/// By which way an order of an operator came in, and under which key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderedBy {
    /// The way.
    pub share: Share,
    /// The key under which it is carried out once, if the operator gave one: by the rules of messages, and in one table
    /// with theirs.
    pub request: Option<RequestId>,
}

/// The effect of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedOut<T> {
    /// The effect.
    pub done: T,
    /// The block that holds it.
    pub moment: Moment,
    /// Whether it was carried out before, under the same key.
    pub repeated: bool,
}

impl<T> CarriedOut<T> {
    /// The same in other words.
    pub fn map<U>(self, words: impl FnOnce(T) -> U) -> CarriedOut<U> {
        CarriedOut {
            done: words(self.done),
            moment: self.moment,
            repeated: self.repeated,
        }
    }
}

/// What is known of a poisoned engine that is to be revived.
#[derive(Debug)]
pub enum LastGood {
    /// Its last good state.
    State(GoodState),
    /// It was revived before, under this key.
    Done(CarriedOut<EngineRevived>),
}

/// The state that a poisoned engine had.
#[derive(Debug)]
pub struct GoodState {
    /// The block of the message that poisoned it.
    pub poisoned_at: Height,
    /// The state, in postcard.
    pub state: Vec<u8>,
}

/// The options of an apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The longest pause that is acceptable, in microseconds: overrides the node's own.
    pub max_pause_us: Option<u64>,
    /// Whether it is not to be rehearsed; the node's own bound on the pause is set aside then.
    pub no_rehearsal: bool,
    /// Longest time for its rehearsal, in microseconds: overrides the node's own.
    pub rehearsal_wait_us: Option<u64>,
}

/// An engine's state, written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedState {
    /// The state, and the facts that it is read by.
    pub fixture: Fixture,
    /// The generation whose code wrote it down.
    pub generation: Generation,
}

/// A snapshot of the node.
pub struct TakenSnapshot {
    /// Its bytes, read on threads that may block; what is not read is gone with this.
    pub body: Box<dyn Read + Send>,
    /// How many there are.
    pub bytes: u64,
    /// Where it was taken.
    pub moment: Moment,
}

impl fmt::Debug for TakenSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakenSnapshot")
            .field("bytes", &self.bytes)
            .field("moment", &self.moment)
            .finish_non_exhaustive()
    }
}

/// A library on its way in.
pub struct OfferedCode {
    /// Where it lies for whoever hands it over; empty if nobody says.
    pub from: String,
    /// Its bytes, read on threads that may block.
    pub bytes: Box<dyn Read + Send>,
}

impl fmt::Debug for OfferedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferedCode")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// The point of a node's history at which an answer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The block that holds the message; for all else, the last one before.
    pub height: Height,
    /// The generation of code that was live.
    pub generation: Generation,
}

/// An engine's reply or answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replied {
    /// The JSON text, which holds its part of [`Node::answers`].
    pub body: Bytes,
    /// The block that holds the message; for a query, the last one before it.
    pub height: Height,
    /// The generation of code that made the reply.
    pub generation: Generation,
    /// Whether this is the recorded reply of an earlier send with the same key.
    pub repeated: bool,
}

impl Replied {
    /// The point at which it was made.
    pub fn moment(&self) -> Moment {
        Moment {
            height: self.height,
            generation: self.generation,
        }
    }
}

/// A request that is not carried out: why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} ({}); {}", why.detail, why.code, why.next)]
pub struct Refusal {
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// Why, and the next step for the client.
    // Boxed: nearly every function of the interface returns a refusal or something much smaller.
    pub why: Box<Explained>,
    /// The block in which it was decided, if a block did; else it leaves with the node's present moment.
    pub moment: Option<Moment>,
    /// Whether this is the recorded outcome of an earlier send with the same key.
    pub repeated: bool,
}

impl Refusal {
    /// A refusal with these four parts, decided outside of blocks.
    pub fn new(
        status: u16,
        code: impl Into<String>,
        detail: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::explained(status, Explained::new(code, detail, next))
    }

    /// The refusal that `error` is, decided outside of blocks.
    pub fn of(status: u16, error: &(impl Explain + ?Sized)) -> Self {
        Self::explained(status, Explained::of(error))
    }

    fn explained(status: u16, why: Explained) -> Self {
        Self {
            status,
            why: Box::new(why),
            moment: None,
            repeated: false,
        }
    }

    /// The same, as it was decided by a block.
    #[must_use]
    pub fn at(self, moment: Moment, repeated: bool) -> Self {
        let moment = Some(moment);
        Self {
            moment,
            repeated,
            ..self
        }
    }
}
