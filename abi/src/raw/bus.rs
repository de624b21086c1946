//! The upgrade bus as a table: it crosses for a transition and for a handler of upgrade messages.

use super::{Bytes, Sink, Table};
use crate::EngineId;
use crate::schema::SchemaId;
use abi_stable::StableAbi;
use std::ffi::c_void;

/// The upgrade bus as plain data.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct RawBus {
    /// Bytes of this table.
    pub size: usize,
    /// The host's object.
    pub host: *mut c_void,
    /// The host's functions.
    pub calls: *const BusCalls,
    /// The engine whose transition runs, or that handles upgrade messages.
    pub id: EngineId,
    /// The height of the update point.
    pub height: u64,
}

// SAFETY: `repr(C)`, begins with its size, and is its own first form.
unsafe impl Table for RawBus {
    type First = Self;
}

/// The node's services to a transition and to a handler of upgrade messages.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct BusCalls {
    /// Bytes of this table.
    pub size: usize,
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

// SAFETY: `repr(C)`, begins with its size, and is its own first form.
unsafe impl Table for BusCalls {
    type First = Self;
}

/// The node's answer to a call on the upgrade bus.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum BusStatus {
    /// The call did what it was asked.
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
