//! The plain structs and function tables that cross between node and module.
//!
//! In: borrowed pointer and length. Out: a call of the host that copies. Nothing that one side
//! allocated is freed by the other, except an instance's state between two builds of one type.
//! Everything here is part of the ABI: a change needs a new [`crate::build::ABI_EPOCH`].

use crate::schema::{LayoutId, SchemaId};
use crate::{ClientId, EngineId, Sender};
use abi_stable::StableAbi;
use std::ffi::c_void;
use std::marker::PhantomData;

/// Bytes that are borrowed for the length of one call.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Bytes<'a> {
    data: *const u8,
    length: usize,
    #[sabi(unsafe_opaque_field)]
    borrow: PhantomData<&'a [u8]>,
}

// SAFETY: a `Bytes<'a>` is a `&'a [u8]` in parts, which is `Send` and `Sync`; `from` is its only maker.
unsafe impl Send for Bytes<'_> {}
// SAFETY: as above.
unsafe impl Sync for Bytes<'_> {}

impl<'a> From<&'a [u8]> for Bytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            length: bytes.len(),
            borrow: PhantomData,
        }
    }
}

impl<'a> Bytes<'a> {
    /// The bytes as a slice.
    pub fn as_slice(self) -> &'a [u8] {
        // SAFETY: made only by `From<&'a [u8]>`, on either side, so pointer and length are those of
        // a slice that lives for 'a.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }
}

/// How a payload is written.
#[repr(u8)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, StableAbi, serde::Serialize, serde::Deserialize,
)]
pub enum Codec {
    /// postcard: between engines, and in snapshots.
    Postcard = 0,
    /// JSON: from and to clients.
    Json = 1,
}

/// What a delivered message is.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum DeliveryKind {
    /// A message for `handle`.
    Message = 0,
    /// A notice for `undelivered`; the payload is a postcard `(EngineId, Undelivered)`.
    Undelivered = 1,
}

/// One message as a module gets it.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Delivery<'a> {
    /// Who sent it.
    pub sender: RawSender,
    /// Grows with each message of one sender.
    pub sequence: u64,
    /// The message type's schema; all zero from a client, who writes JSON by name.
    pub schema: SchemaId,
    /// How `payload` is written.
    pub codec: Codec,
    /// A message, or a notice.
    pub kind: DeliveryKind,
    /// Whether the reply is wanted.
    pub wants_reply: bool,
    /// The message.
    pub payload: Bytes<'a>,
}

/// [`Sender`] as plain data.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub struct RawSender {
    tag: u8,
    id: [u8; 16],
}

impl From<Sender> for RawSender {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Client(id) => Self {
                tag: 0,
                id: id.to_bytes(),
            },
            Sender::Engine(id) => Self {
                tag: 1,
                id: id.to_bytes(),
            },
            Sender::Timer => Self {
                tag: 2,
                id: [0; 16],
            },
        }
    }
}

impl From<RawSender> for Sender {
    fn from(raw: RawSender) -> Self {
        match raw.tag {
            0 => Sender::Client(ClientId::from_bytes(raw.id)),
            1 => Sender::Engine(EngineId::from_bytes(raw.id)),
            _ => Sender::Timer,
        }
    }
}

/// How a call into a module ended.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum CallStatus {
    /// Done.
    Ok = 0,
    /// The author's code returned a [`crate::Fault`]; its postcard bytes went to the sink.
    Fault = 1,
    /// The author's code panicked; the message went to the sink as text.
    Panicked = 2,
    /// The bytes were not of the expected type; the reason went to the sink as text.
    Rejected = 3,
}

/// How a batch ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct BatchOutcome {
    /// `Ok`, or `Panicked` in the message at index `done`.
    pub status: CallStatus,
    /// Messages handled to the end.
    pub done: usize,
}

/// Where a module writes bytes: the host copies them before it returns.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Sink {
    /// The host's object.
    pub host: *mut c_void,
    /// Appends bytes to it.
    pub write: unsafe extern "C" fn(host: *mut c_void, bytes: Bytes<'_>),
}

/// What a handler may know and do: facts by value, deeds through `calls`.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct RawContext {
    /// The host's object, passed back in each call.
    pub host: *mut c_void,
    /// The host's functions.
    pub calls: *const HostCalls,
    /// The engine that runs.
    pub id: EngineId,
    /// The block's height.
    pub height: u64,
    /// The block's time in milliseconds.
    pub time_ms: u64,
    /// The block's hash.
    pub block_hash: [u8; 32],
    /// Messages this engine has handled in this block before this batch: the randomness counter.
    pub ordinal: u64,
    /// Index in the batch of the message that is being handled; written by the module.
    pub current: usize,
}

/// The node's services to a handler. The `usize` is the index in the batch of the message that is
/// being handled, so that the outputs of a message that fails can be dropped.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct HostCalls {
    /// Queues a message for an engine.
    pub send: unsafe extern "C" fn(*mut c_void, usize, EngineId, SchemaId, Bytes<'_>) -> HostStatus,
    /// Starts an engine of a kind with a postcard configuration; writes its id.
    pub spawn:
        unsafe extern "C" fn(*mut c_void, usize, Bytes<'_>, Bytes<'_>, *mut EngineId) -> HostStatus,
    /// Stops an engine: itself or a child.
    pub stop: unsafe extern "C" fn(*mut c_void, usize, EngineId) -> HostStatus,
    /// Sends a message to the engine itself at a height (`by_time` false) or block time.
    pub timer:
        unsafe extern "C" fn(*mut c_void, usize, bool, u64, SchemaId, Bytes<'_>) -> HostStatus,
    /// Writes a line to the node's log: level 1 (error) to 5 (trace).
    pub log: unsafe extern "C" fn(*mut c_void, u8, Bytes<'_>),
    /// Publishes an event under a topic.
    pub emit: unsafe extern "C" fn(*mut c_void, usize, Bytes<'_>, Bytes<'_>) -> HostStatus,
    /// Reports how the message at an index ended.
    pub reply: unsafe extern "C" fn(*mut c_void, usize, CallStatus, Bytes<'_>),
}

/// The node's answer to a service call.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum HostStatus {
    /// Done.
    Ok = 0,
    /// The handler has used up a counted budget: messages, bytes, spawns or timers.
    Budget = 1,
    /// No such kind, engine, or not one that this engine may name.
    Unknown = 2,
    /// The height or time is not in the future.
    Past = 3,
    /// The engine's kind was not granted the capability.
    Forbidden = 4,
}

/// The upgrade bus as plain data.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct RawBus {
    /// The host's object.
    pub host: *mut c_void,
    /// The host's functions.
    pub calls: *const BusCalls,
    /// The engine whose transition runs, or that handles upgrade messages.
    pub id: EngineId,
    /// The height of the update point.
    pub height: u64,
}

/// The node's services to a transition and to a handler of upgrade messages.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct BusCalls {
    /// Whether the upgrade was cancelled: then the transition should return at once.
    pub cancelled: unsafe extern "C" fn(*mut c_void) -> bool,
    /// Writes a line to the node's log, after the upgrade has ended.
    pub log: unsafe extern "C" fn(*mut c_void, u8, Bytes<'_>),
    /// Asks an engine's old state (`false`) or new state (`true`) a postcard query; the schemas are
    /// those of query and answer as the asker knows them. The answer, the fault's postcard or a text
    /// goes to the sink.
    pub ask: unsafe extern "C" fn(
        *mut c_void,
        bool,
        EngineId,
        SchemaId,
        SchemaId,
        Bytes<'_>,
        Sink,
    ) -> BusStatus,
    /// Starts an engine of a kind of the new generation, under a root name or, if that is empty, as a
    /// child, with a postcard configuration of a schema; writes its id. A fault or text goes to the
    /// sink.
    pub spawn: unsafe extern "C" fn(
        *mut c_void,
        Bytes<'_>,
        Bytes<'_>,
        SchemaId,
        Bytes<'_>,
        *mut EngineId,
        Sink,
    ) -> BusStatus,
    /// Stops an engine with the commit: itself or a child.
    pub retire: unsafe extern "C" fn(*mut c_void, EngineId) -> BusStatus,
    /// Queues an upgrade message for the next round.
    pub send: unsafe extern "C" fn(*mut c_void, EngineId, SchemaId, Bytes<'_>) -> BusStatus,
}

/// The node's answer to a call on the upgrade bus.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum BusStatus {
    /// Done.
    Ok = 0,
    /// The upgrade was cancelled.
    Cancelled = 1,
    /// No such engine or engine kind.
    Unknown = 2,
    /// The new state of a kind that the asker did not name in `AFTER`.
    Undeclared = 3,
    /// The engine's kind was not granted the capability.
    Forbidden = 4,
    /// A counted budget of the upgrade is spent.
    Budget = 5,
    /// The engine is retired, stopped or poisoned.
    Unavailable = 6,
    /// Query, answer or configuration have another schema there.
    Schema = 7,
    /// The asked engine's own code returned a fault; its postcard went to the sink.
    Fault = 8,
    /// The asked engine's own code panicked or did not understand; a text went to the sink.
    Failed = 9,
    /// New states are asked by transitions, not by handlers of upgrade messages.
    NotNow = 10,
    /// An engine with the id exists.
    Taken = 11,
}

/// The functions of one engine kind.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct KindVtable {
    /// Schema of the state.
    pub schema: extern "C" fn() -> SchemaId,
    /// Layout of the state in this module.
    pub layout: extern "C" fn() -> LayoutId,
    /// Writes the kind's postcard [`crate::descriptor::KindDescriptor`].
    pub describe: unsafe extern "C" fn(Sink) -> CallStatus,
    /// Makes an instance from a configuration.
    pub init: unsafe extern "C" fn(
        Codec,
        Bytes<'_>,
        *mut RawContext,
        *mut *mut c_void,
        Sink,
    ) -> CallStatus,
    /// Handles a batch.
    pub handle: unsafe extern "C" fn(
        *mut c_void,
        *mut RawContext,
        *const Delivery<'static>,
        usize,
    ) -> BatchOutcome,
    /// Answers a query.
    pub query: unsafe extern "C" fn(*const c_void, Codec, Bytes<'_>, Sink) -> CallStatus,
    /// Checks the state.
    pub check: unsafe extern "C" fn(*const c_void, Sink) -> CallStatus,
    /// Writes the state as postcard.
    pub encode: unsafe extern "C" fn(*const c_void, Sink) -> CallStatus,
    /// Reads a state from postcard.
    pub decode: unsafe extern "C" fn(Bytes<'_>, *mut *mut c_void, Sink) -> CallStatus,
    /// Drops an instance's state.
    pub discard: unsafe extern "C" fn(*mut c_void),
    /// Handles a batch of upgrade messages; writes how many were handled to the end.
    pub on_upgrade: unsafe extern "C" fn(
        *mut c_void,
        *mut RawBus,
        *const Delivery<'static>,
        usize,
        *mut usize,
        Sink,
    ) -> CallStatus,
    /// Writes the migration at an index; false past the last.
    pub migration: unsafe extern "C" fn(usize, *mut MigrationVtable) -> bool,
}

/// The functions of one step from an older state.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct MigrationVtable {
    /// Schema of the state it starts from.
    pub from_schema: SchemaId,
    /// Layout of the frozen old type in this module.
    pub from_layout: LayoutId,
    /// No author's function runs: `settle` alone does it, with no `fresh`.
    pub defaults_only: bool,
    /// Whether the values that need no old state can be made; run once before the pause.
    pub trial: unsafe extern "C" fn(Sink) -> CallStatus,
    /// Makes what is new, reading the old state.
    pub prepare:
        unsafe extern "C" fn(*const c_void, *mut RawBus, *mut *mut c_void, Sink) -> CallStatus,
    /// Takes the old state and what `prepare` made (null if `defaults_only`) and gives the new
    /// state; null if it panicked.
    pub settle: unsafe extern "C" fn(*mut c_void, *mut c_void) -> *mut c_void,
    /// Drops what `prepare` made.
    pub discard: unsafe extern "C" fn(*mut c_void),
    /// Makes the whole new state, copying what does not change; the old state stays.
    pub whole:
        unsafe extern "C" fn(*const c_void, *mut RawBus, *mut *mut c_void, Sink) -> CallStatus,
    /// Reads an old state from postcard into this module's frozen type.
    pub decode_old: unsafe extern "C" fn(Bytes<'_>, *mut *mut c_void, Sink) -> CallStatus,
    /// Drops an old state.
    pub discard_old: unsafe extern "C" fn(*mut c_void),
}
