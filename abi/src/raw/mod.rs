//! The plain structs and function tables that cross between node and module.
//!
//! In: borrowed pointer and length. Out: a call of the host that copies. Nothing that one side
//! allocated is freed by the other, except an instance's state between two builds of one type.
//!
//! # What may change within an epoch
//!
//! [`crate::build::ABI_EPOCH`] fixes the *first form* of everything here. Data ([`Bytes`], [`Delivery`],
//! [`BatchOutcome`], [`Sink`], the enums) never changes within an epoch. A table may grow:
//!
//! * Each begins with `size`, the bytes of it that its writer has. The reader uses what the size covers and no
//!   more ([`read`]); one that is shorter than the epoch's first form, or of no size
//!   that a table has, is refused ([`WrongSize`]).
//! * A new entry stands at the end, is an `Option<fn>` or a number, and reads as `None` or 0 where the other side
//!   does not have it. The caller reports that with an error of its own; nothing is called that is not there.
//! * The longer table is a new struct whose first field is the former one, which stays [`Table::First`].
//! * An entry is never moved, dropped, or given another meaning: that is a new epoch.
//!
//! The root ([`crate::export::EngineModule`]) is abi_stable's: its own header says how many fields it has, and a
//! field past the first form is an `Option` by its accessor.

mod bus;
mod kind;
mod services;
mod table;

pub use bus::{BusCalls, BusStatus, RawBus};
pub use kind::{InterfacePart, KindVtable, MigrationVtable};
pub use services::{HostCalls, HostStatus, RawBudget, RawContext};
pub use table::{TABLE_BYTES_MAX, Table, TableRef, WrongSize, read, write};

use crate::schema::SchemaId;
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

/// The format of a payload.
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

/// The role of a delivered message.
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
    /// The sender.
    pub sender: RawSender,
    /// Grows with each message of one sender.
    pub sequence: u64,
    /// The message type's schema; all zero from a client, who writes JSON by name.
    pub schema: SchemaId,
    /// The format of `payload`.
    pub codec: Codec,
    /// A message, or a notice.
    pub kind: DeliveryKind,
    /// Whether the reply is wanted: by a client, as JSON.
    pub wants_reply: bool,
    /// The encoded message.
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

/// The outcome of a call into a module.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub enum CallStatus {
    /// The call did what it was asked.
    Ok = 0,
    /// The author's code returned a [`crate::Fault`]; its postcard bytes went to the sink.
    Fault = 1,
    /// The author's code panicked; the message went to the sink as text.
    Panicked = 2,
    /// The bytes were not of the expected type; the reason went to the sink as text.
    Rejected = 3,
    /// The author's code panicked on a message, and the state is as it was before that; the text goes to
    /// [`HostCalls::reply`]. Of no other call.
    RolledBack = 4,
    /// The value is deeper than the stack of the calling thread allows. Nothing was changed or written:
    /// the call may be made again on a thread with a larger stack.
    TooDeep = 5,
    /// The value leaves a field out of its bytes, which would read back as another value; the field's name
    /// went to the sink as text.
    Incomplete = 6,
}

/// The outcome of a batch.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct BatchOutcome {
    /// `Ok`, or `Panicked` in the message at index `done`.
    pub status: CallStatus,
    /// Messages handled to the end.
    pub done: usize,
}

/// A function to which a module writes bytes: the host copies them before it returns.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Sink {
    /// The host's object.
    pub host: *mut c_void,
    /// Appends bytes to it.
    pub write: unsafe extern "C" fn(host: *mut c_void, bytes: Bytes<'_>),
}
