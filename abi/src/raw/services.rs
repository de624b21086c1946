//! The facts and services that cross for a running handler: facts by value, the node's services as a table.

use super::{Bytes, CallStatus, Table};
use crate::EngineId;
use crate::schema::SchemaId;
use abi_stable::StableAbi;
use std::ffi::c_void;

/// The facts that a handler gets, by value, and its services, through `calls`.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct RawContext {
    /// Bytes of this table.
    pub size: usize,
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

// SAFETY: `repr(C)`, begins with its size, and is its own first form.
unsafe impl Table for RawContext {
    type First = Self;
}

/// The node's services to a handler. The `usize` is the index in the batch of the message that is
/// being handled, so that the outputs of a message that fails can be dropped.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct HostCalls {
    /// Bytes of this table.
    pub size: usize,
    /// Queues a message for an engine.
    pub send: unsafe extern "C" fn(*mut c_void, usize, EngineId, SchemaId, Bytes<'_>) -> HostStatus,
    /// Starts an engine of a kind with a postcard configuration of a schema; writes its id.
    pub spawn: unsafe extern "C" fn(
        *mut c_void,
        usize,
        Bytes<'_>,
        SchemaId,
        Bytes<'_>,
        *mut EngineId,
    ) -> HostStatus,
    /// Stops an engine: itself or a child.
    pub stop: unsafe extern "C" fn(*mut c_void, usize, EngineId) -> HostStatus,
    /// Sends a message to the engine itself at a height (`by_time` false) or block time; writes the number by
    /// which it is cancelled.
    pub timer: unsafe extern "C" fn(
        *mut c_void,
        usize,
        bool,
        u64,
        SchemaId,
        Bytes<'_>,
        *mut u64,
    ) -> HostStatus,
    /// Cancels a timer of the engine itself that has not fired, by its number.
    pub timer_cancel: unsafe extern "C" fn(*mut c_void, usize, u64) -> HostStatus,
    /// Writes what the message may still ask for into a table whose `size` says how much room it has.
    pub budget_left: unsafe extern "C" fn(*mut c_void, usize, *mut RawBudget),
    /// Writes a line to the node's log: level 1 (error) to 5 (trace).
    pub log: unsafe extern "C" fn(*mut c_void, u8, Bytes<'_>),
    /// Publishes an event under a topic.
    pub emit: unsafe extern "C" fn(*mut c_void, usize, Bytes<'_>, Bytes<'_>) -> HostStatus,
    /// Reports how the message at an index ended.
    pub reply: unsafe extern "C" fn(*mut c_void, usize, CallStatus, Bytes<'_>),
}

// SAFETY: `repr(C)`, begins with its size, and is its own first form.
unsafe impl Table for HostCalls {
    type First = Self;
}

/// How much a message may still ask for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, StableAbi)]
pub struct RawBudget {
    /// Bytes of this table.
    pub size: usize,
    /// Messages to engines.
    pub messages: u64,
    /// Bytes of all outputs.
    pub bytes: u64,
    /// Engines to start.
    pub spawns: u64,
    /// Timers to set.
    pub timers: u64,
    /// Events to emit.
    pub events: u64,
}

// SAFETY: `repr(C)`, begins with its size, and is its own first form.
unsafe impl Table for RawBudget {
    type First = Self;
}

/// The node's answer to a service call.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum HostStatus {
    /// The call did what it was asked.
    Ok = 0,
    /// The handler has used up a counted budget: messages, bytes, spawns or timers.
    Budget = 1,
    /// No such kind, engine or timer, or not one that this engine may name.
    Unknown = 2,
    /// The height or time is not in the future.
    Past = 3,
    /// The engine's kind was not granted the capability.
    Forbidden = 4,
    /// The receiver does not take messages of that schema, the kind no such configuration.
    Schema = 5,
}
