//! [`Context`]: a handler's facts about the outside, and the services that it can call there.
//!
//! A context lives for one batch of messages of one engine. Everything in it follows from the block
//! and the engine's id, so that every node that executes the block sees the same.

use crate::codec::{self, Refused};
use crate::codes;
use crate::raw::{Bytes, Codec, HostCalls, HostStatus, RawBudget, RawContext};
use crate::{BlockHash, BlockTime, Budget, Engine, EngineId, Height, State, TimerAt, TimerId};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The facts and services that a handler gets.
///
/// # Budgets
/// One message may ask for so much, counted alike on every node; past it the call is refused with
/// [`ServiceError::Budget`], and [`Context::budget_left`] says what is left. A handler that cannot be done by half looks
/// before it changes its state, or splits the work: a message to itself comes in the next round of the same block.
///
/// | what | of one message |
/// |---|---|
/// | [`send`](Context::send) | 16,384 messages |
/// | [`spawn`](Context::spawn) | 16,384 engines |
/// | [`stop`](Context::stop) | 16,384 engines |
/// | [`set_timer`](Context::set_timer) | 16,384 timers; of an engine 65,536 wait, of a node 1,048,576 |
/// | [`emit`](Context::emit) | 16,384 events |
/// | bytes of all these | 8 MiB |
/// | [`log`](Context::log) | not counted; of a block 1,024 lines are kept, the rest is counted and dropped |
pub struct Context<'a> {
    raw: &'a mut RawContext,
    random: Option<blake3::OutputReader>,
    scratch: Vec<u8>,
}

/// The importance of a log line.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Something may fail.
    Warn = 2,
    /// Something happened.
    Info = 3,
    /// For the author.
    Debug = 4,
}

/// No log line has this level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no log level {level}: 1 is an error, 4 is for the author")]
pub struct NoLevel {
    /// The number that was read.
    pub level: u8,
}

impl Level {
    /// The level that a module gave at the seam: what is none counts as the least.
    pub fn at_seam(level: u8) -> Self {
        Self::try_from(level).unwrap_or(Self::Debug)
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level as u8
    }
}

impl TryFrom<u8> for Level {
    type Error = NoLevel;

    fn try_from(level: u8) -> Result<Self, NoLevel> {
        match level {
            1 => Ok(Self::Error),
            2 => Ok(Self::Warn),
            3 => Ok(Self::Info),
            4 => Ok(Self::Debug),
            level => Err(NoLevel { level }),
        }
    }
}

/// Why the node would not do what a handler asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A counted budget is spent.
    #[error("this message has used up its budget of outputs; send less at once")]
    Budget,
    /// The kind, engine or timer is not known, or not this engine's to name.
    #[error(
        "no such engine kind is loaded, the engine is neither itself nor its child, or the timer does not wait"
    )]
    Unknown,
    /// The capability was not declared, or the node does not grant it.
    #[error(
        "this engine may not do that to engines of that kind; declare it in `NEEDS` and have the node grant it"
    )]
    Forbidden,
    /// A `#[state(serde)]` field of what was given does not serialize, or an event has no form in JSON.
    #[error(
        "the value cannot be written; look at how its `#[state(serde)]` fields serialize, and whether the keys of an event's maps are texts or numbers"
    )]
    Unwritable,
    /// It is nested deeper than a thread's stack allows.
    #[error("the value is nested deeper than a thread's stack allows; send a flatter one")]
    TooDeep,
    /// The receiver takes no such message, or the kind no such configuration.
    #[error(
        "the code that is loaded for that kind takes another type there; build both against the same one"
    )]
    Schema,
    /// The time has passed.
    #[error("a timer must be set for a later height or block time")]
    Past,
}

impl ServiceError {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Budget,
        Self::Unknown,
        Self::Forbidden,
        Self::Unwritable,
        Self::Schema,
        Self::Past,
    ];

    /// The code of the [`Fault`](crate::Fault) that it becomes.
    pub fn code(self) -> &'static str {
        match self {
            Self::Budget => codes::BUDGET_SPENT,
            Self::Unknown => codes::UNKNOWN_ENGINE,
            Self::Forbidden => codes::CAPABILITY_MISSING,
            Self::Unwritable => codes::NOT_WRITTEN,
            Self::TooDeep => codes::TOO_DEEP,
            Self::Schema => codes::OTHER_SCHEMA,
            Self::Past => codes::TIME_PASSED,
        }
    }
}

impl<'a> Context<'a> {
    pub(crate) fn new(raw: &'a mut RawContext) -> Self {
        Self {
            raw,
            random: None,
            scratch: Vec::new(),
        }
    }

    /// Turns to the message at `index` of the batch.
    pub(crate) fn begin(&mut self, index: usize) {
        // Atomic, because the node's handler of fatal signals may read it while the message is handled.
        // SAFETY: the field is this context's alone, by `&mut`; the handler of signals that reads it too runs
        // on this thread and loads it atomically.
        let current = unsafe { AtomicUsize::from_ptr(&raw mut self.raw.current) };
        current.store(index, Ordering::Relaxed);
        self.random = None;
    }

    /// The engine's own id.
    pub fn id(&self) -> EngineId {
        self.raw.id
    }

    /// The height of the block that is being executed.
    pub fn height(&self) -> Height {
        Height(self.raw.height)
    }

    /// The time in the block, not of this machine's clock: that of the block before, or later.
    pub fn block_time(&self) -> BlockTime {
        BlockTime(self.raw.time_ms)
    }

    /// The hash of the block that is being executed.
    pub fn block_hash(&self) -> BlockHash {
        BlockHash(self.raw.block_hash)
    }

    /// Fills `bytes` with randomness seeded by the block, the engine and the message: the same on
    /// every node, and known to the node that makes the block. Not for secrets.
    pub fn fill_random(&mut self, bytes: &mut [u8]) {
        let raw = &*self.raw;
        let reader = self.random.get_or_insert_with(|| seeded(raw));
        reader.fill(bytes);
    }

    /// The next random number; see [`Context::fill_random`].
    pub fn random_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Sends a message to an engine; it arrives in the next round of this block.
    ///
    /// Messages of one sender to one receiver arrive in the order they were sent. One that cannot
    /// be handled, that the receiver answers with a fault, or that this kind lacks the capability for, comes back
    /// to [`Engine::undelivered`]. So does one of a type that the receiver does not take: its code may be replaced
    /// between the sending and the handling, and what counts is the code that handles it.
    ///
    /// # Errors
    /// [`ServiceError::Budget`] if this message has already sent as much as it may;
    /// [`ServiceError::TooDeep`].
    pub fn send<M: State>(&mut self, to: EngineId, message: &M) -> Result<(), ServiceError> {
        self.encode(message)?;
        let schema = M::schema_id();
        let payload = Bytes::from(self.scratch.as_slice());
        let calls = self.calls();
        // SAFETY: `Kind` made `host` and `calls` for this batch, for each other; the node copies the payload before it
        // returns.
        status(unsafe { (calls.send)(self.raw.host, self.raw.current, to, schema, payload) })
    }

    /// Starts an engine of kind `E` and gives its id at once. It handles messages from the next
    /// round on; if its `init` refuses the configuration, messages to it come back as unknown.
    ///
    /// # Errors
    /// [`ServiceError::Unknown`] if no loaded module has the kind, [`ServiceError::Forbidden`] without
    /// the capability [`Capability::Spawn`](crate::Capability::Spawn), [`ServiceError::Schema`] if the loaded kind is
    /// started with another type of configuration, [`ServiceError::Budget`].
    pub fn spawn<E: Engine>(&mut self, config: &E::Config) -> Result<EngineId, ServiceError> {
        self.encode(config)?;
        let mut id = EngineId::from_bytes([0; 16]);
        let kind = Bytes::from(E::KIND.as_bytes());
        let config = Bytes::from(self.scratch.as_slice());
        let (calls, schema) = (self.calls(), E::Config::schema_id());
        let (host, index) = (self.raw.host, self.raw.current);
        // SAFETY: as in `send`; `id` is written before the call returns.
        status(unsafe { (calls.spawn)(host, index, kind, schema, config, &raw mut id) })?;
        Ok(id)
    }

    /// Stops an engine after this round: this one, or one it has spawned. Its state and its timers are dropped; an
    /// engine that waits for it gets [`Undelivered::Stopped`](crate::Undelivered::Stopped). An engine that is neither
    /// goes on, and the node's log says so. An id is never given twice.
    ///
    /// # Errors
    /// [`ServiceError::Budget`], if this message has stopped as many as it may.
    pub fn stop(&mut self, engine: EngineId) -> Result<(), ServiceError> {
        let calls = self.calls();
        // SAFETY: as in `send`: `Kind` made `host` and `calls` for this batch.
        status(unsafe { (calls.stop)(self.raw.host, self.raw.current, engine) })
    }

    /// Sends `message` to this engine itself in a later block, from [`crate::Sender::Timer`]. `Ok` means that it comes,
    /// if the engine is not stopped before: no later bound drops it.
    ///
    /// If its handler returns a fault, the engine learns so by [`Engine::undelivered`], with its own id: a
    /// handler that sets the next timer has to set it again there.
    ///
    /// # Errors
    /// [`ServiceError::Past`] if the height or time is not later; [`ServiceError::Schema`] if `M` is not a message that
    /// this kind takes; [`ServiceError::Budget`] if this message has set as many as it may, 65,536 of this engine's wait, or 1,048,576 of the node's.
    pub fn set_timer<M: State>(
        &mut self,
        at: TimerAt,
        message: &M,
    ) -> Result<TimerId, ServiceError> {
        self.encode(message)?;
        let (by_time, when) = match at {
            TimerAt::Height(height) => (false, height.0),
            TimerAt::Time(time) => (true, time.0),
        };
        let (schema, mut id) = (M::schema_id(), 0);
        let payload = Bytes::from(self.scratch.as_slice());
        let (calls, host, index) = (self.calls(), self.raw.host, self.raw.current);
        // SAFETY: as in `send`; `id` is written before the call returns.
        let set =
            unsafe { (calls.timer)(host, index, by_time, when, schema, payload, &raw mut id) };
        status(set).map(|()| TimerId(id))
    }

    /// Cancels a timer of this engine: it does not come. A message that fails has cancelled nothing.
    ///
    /// # Errors
    /// [`ServiceError::Unknown`] if it has come (also if it waits in the mailbox), was cancelled, or was never set.
    pub fn cancel_timer(&mut self, timer: TimerId) -> Result<(), ServiceError> {
        let calls = self.calls();
        // SAFETY: as in `send`: `Kind` made `host` and `calls` for this batch.
        status(unsafe { (calls.timer_cancel)(self.raw.host, self.raw.current, timer.0) })
    }

    /// How much this message may still ask of the node: look at it *before* the state is changed.
    pub fn budget_left(&self) -> Budget {
        let mut room = RawBudget {
            size: size_of::<RawBudget>(),
            ..RawBudget::default()
        };
        let calls = self.calls();
        // SAFETY: as in `send`; the node writes no more than the size says.
        unsafe { (calls.budget_left)(self.raw.host, self.raw.current, &raw mut room) };
        room.into()
    }

    /// Writes a line to the node's log.
    pub fn log(&mut self, level: Level, line: &str) {
        let calls = self.calls();
        // SAFETY: as in `send`: `Kind` made `host` and `calls` for this batch.
        unsafe { (calls.log)(self.raw.host, level as u8, Bytes::from(line.as_bytes())) }
    }

    /// Publishes an event, in the words of its JSON: it leaves the node when the block is durable, for the readers
    /// of `/v1/events`.
    ///
    /// # Errors
    /// [`ServiceError::Budget`]; [`ServiceError::Unwritable`] if JSON has no words for it, such as for a map whose
    /// keys are neither texts nor numbers; [`ServiceError::TooDeep`].
    pub fn emit<T: State>(&mut self, topic: &str, event: &T) -> Result<(), ServiceError> {
        self.encode_in(Codec::Json, event)?;
        let payload = Bytes::from(self.scratch.as_slice());
        let topic = Bytes::from(topic.as_bytes());
        let calls = self.calls();
        // SAFETY: as in `send`: `Kind` made `host` and `calls` for this batch.
        status(unsafe { (calls.emit)(self.raw.host, self.raw.current, topic, payload) })
    }

    pub(crate) fn scratch(&mut self) -> &mut Vec<u8> {
        self.scratch.clear();
        &mut self.scratch
    }

    pub(crate) fn reply(&mut self, status: crate::raw::CallStatus) {
        let calls = self.calls();
        let bytes = Bytes::from(self.scratch.as_slice());
        // SAFETY: as in `send`: `Kind` made `host` and `calls` for this batch.
        unsafe { (calls.reply)(self.raw.host, self.raw.current, status, bytes) }
    }

    fn encode<T: State>(&mut self, value: &T) -> Result<(), ServiceError> {
        self.encode_in(Codec::Postcard, value)
    }

    fn encode_in<T: State>(&mut self, codec: Codec, value: &T) -> Result<(), ServiceError> {
        self.scratch.clear();
        let guarded = T::nature().is_guarded();
        codec::encode(codec, value, guarded, &mut self.scratch).map_err(|refused| match refused {
            Refused::TooDeep => ServiceError::TooDeep,
            Refused::Incomplete { .. } | Refused::Other(_) => ServiceError::Unwritable,
        })
    }

    fn calls(&self) -> &HostCalls {
        // SAFETY: the node made the table, of this epoch's first form at least, and it outlives the batch.
        unsafe { &*self.raw.calls }
    }
}

fn status(status: HostStatus) -> Result<(), ServiceError> {
    match status {
        HostStatus::Ok => Ok(()),
        HostStatus::Budget => Err(ServiceError::Budget),
        HostStatus::Unknown => Err(ServiceError::Unknown),
        HostStatus::Past => Err(ServiceError::Past),
        HostStatus::Forbidden => Err(ServiceError::Forbidden),
        HostStatus::Schema => Err(ServiceError::Schema),
    }
}

fn seeded(raw: &RawContext) -> blake3::OutputReader {
    let mut hasher = blake3::Hasher::new_derive_key("refit 2026 randomness of one message");
    hasher.update(&raw.block_hash);
    hasher.update(&raw.id.to_bytes());
    hasher.update(&(raw.ordinal + raw.current as u64).to_le_bytes());
    hasher.finalize_xof()
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.raw.id)
            .field("height", &self.raw.height)
            .finish_non_exhaustive()
    }
}
