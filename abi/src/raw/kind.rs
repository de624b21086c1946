//! The tables of an engine kind: its functions, and those of a step from an older state.

use super::{BatchOutcome, Bytes, CallStatus, Codec, Delivery, RawBus, RawContext, Sink, Table};
use crate::schema::{LayoutId, SchemaId};
use abi_stable::StableAbi;
use std::ffi::c_void;

/// A part of an engine's interface that others write.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum InterfacePart {
    /// Its configuration.
    Config = 0,
    /// The messages it takes.
    Message = 1,
}

/// The functions of one engine kind.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct KindVtable {
    /// Bytes of this table.
    pub size: usize,
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
    /// Writes the next piece of the state's postcard to the first sink, of so many bytes and at most one
    /// element more, and the cursor of the piece after it to the second: nothing if this was the last. Bytes 0
    /// count as 1.
    ///
    /// The cursor is empty before the first piece, else what the call before wrote; the host keeps it and does
    /// not read it, the module keeps nothing. All pieces together are what `encode` writes, if the host lets
    /// nobody change the state between the first and the last; if it does not, they are of no one state, and
    /// may not read back. The error goes to the first sink.
    pub encode_piece:
        unsafe extern "C" fn(*const c_void, Bytes<'_>, usize, Sink, Sink) -> CallStatus,
    /// Writes 32 bytes of BLAKE3 over what the state says it is, field by field with names: states that
    /// differ have different ones, also where their postcard is equal because a field is left out of it.
    /// A field that is left out is an error.
    pub witness: unsafe extern "C" fn(*const c_void, Sink) -> CallStatus,
    /// Reads a state from postcard.
    pub decode: unsafe extern "C" fn(Bytes<'_>, *mut *mut c_void, Sink) -> CallStatus,
    /// Drops an instance's state; false if it is too deep for this thread's stack, and as it was.
    pub discard: unsafe extern "C" fn(*mut c_void) -> bool,
    /// Handles a batch of upgrade messages; writes how many were handled to the end.
    pub on_upgrade: unsafe extern "C" fn(
        *mut c_void,
        *mut RawBus,
        *const Delivery<'static>,
        usize,
        *mut usize,
        Sink,
    ) -> CallStatus,
    /// Writes the migration at an index into a table whose `size` says how much room it has; false past the
    /// last.
    pub migration: unsafe extern "C" fn(usize, *mut MigrationVtable) -> bool,
    /// Writes the postcard of an older state, of a schema, that this one goes back to.
    pub migrate_back:
        unsafe extern "C" fn(*const c_void, SchemaId, *mut RawBus, Sink) -> CallStatus,
    /// Reads a configuration or message as `init` or `handle` would, and writes it as postcard, in the
    /// newest version's type. The schema is the one that a message is stamped with; nothing is handled.
    pub rewrite:
        unsafe extern "C" fn(InterfacePart, SchemaId, Codec, Bytes<'_>, Sink) -> CallStatus,
}

// SAFETY: `repr(C)`, begins with its size, and is its own first form.
unsafe impl Table for KindVtable {
    type First = Self;
}

/// The functions of one step from an older state.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct MigrationVtable {
    /// Bytes of this table.
    pub size: usize,
    /// Schema of the state it starts from.
    pub from_schema: SchemaId,
    /// Layout of the frozen old type in this module.
    pub from_layout: LayoutId,
    /// No author's function runs: `defaults` and `settle` do it.
    pub defaults_only: bool,
    /// Makes what `prepare` makes if that needs no old state, else nothing; also run once before the pause, to know
    /// whether it can.
    pub defaults: unsafe extern "C" fn(*mut *mut c_void, Sink) -> CallStatus,
    /// Makes what is new, reading the old state.
    pub prepare:
        unsafe extern "C" fn(*const c_void, *mut RawBus, *mut *mut c_void, Sink) -> CallStatus,
    /// Takes the old state and what `prepare` or `defaults` made and gives the new state, and what is left over of
    /// the old one, null if nothing is. It drops nothing. Null: it panicked, by a defect, and both are gone.
    pub settle: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut *mut c_void) -> *mut c_void,
    /// Drops what `settle` left over; false as for a state.
    pub discard_rest: unsafe extern "C" fn(*mut c_void) -> bool,
    /// Drops what `prepare` made; false as for a state.
    pub discard: unsafe extern "C" fn(*mut c_void) -> bool,
    /// Makes the whole new state, copying what does not change; the old state stays.
    pub whole:
        unsafe extern "C" fn(*const c_void, *mut RawBus, *mut *mut c_void, Sink) -> CallStatus,
    /// Reads an old state from postcard into this module's frozen type.
    pub decode_old: unsafe extern "C" fn(Bytes<'_>, *mut *mut c_void, Sink) -> CallStatus,
    /// Writes an old state as postcard.
    pub encode_old: unsafe extern "C" fn(*const c_void, Sink) -> CallStatus,
    /// Drops an old state; false as for a state.
    pub discard_old: unsafe extern "C" fn(*mut c_void) -> bool,
}

// SAFETY: `repr(C)`, begins with its size, and is its own first form.
unsafe impl Table for MigrationVtable {
    type First = Self;
}
