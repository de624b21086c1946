//! How one call into a module ended, and the buffer it wrote to.

use crate::fault::{FAULT_DETAIL_BYTES_MAX, cut, escape};
use crate::raw::{BusStatus, Bytes, CallStatus, Sink};
use crate::{Fault, codec};
use std::ffi::c_void;

/// Most bytes that a module may write in one call.
pub(super) const SINK_BYTES_MAX: usize = 1 << 32;

/// Why a call into a module gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The author's code returned a fault.
    #[error("{0}")]
    Fault(Fault),
    /// The author's code panicked.
    #[error("the engine panicked: {text}")]
    Panicked {
        /// What the panic said.
        text: String,
    },
    /// The author's code panicked, and the state is as it was before the message.
    #[error("the engine panicked and was rolled back: {text}")]
    RolledBack {
        /// What the panic said.
        text: String,
    },
    /// The bytes are not of the type that the engine takes.
    #[error("the bytes are not what the engine takes: {reason}")]
    Rejected {
        /// What the decoder said.
        reason: String,
    },
    /// The state was made by code with another schema or layout.
    #[error("the state has another schema or layout than this code; it must be migrated first")]
    WrongState,
}

/// A sink that appends to a vector. Lives on the caller's stack for one call.
pub(super) struct Buffer<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The sink over this buffer; it must not be used once the buffer is gone.
    pub(super) fn sink(&mut self) -> Sink {
        Sink {
            host: (&raw mut *self).cast::<c_void>(),
            write: append,
        }
    }
}

unsafe extern "C" fn append(host: *mut c_void, bytes: Bytes<'_>) {
    // SAFETY: `host` is the `Buffer` that made this sink, alive and unused by others for the call.
    let buffer = unsafe { &mut *host.cast::<Buffer<'_>>() };
    let bytes = bytes.as_slice();
    if buffer.bytes.len() + bytes.len() <= SINK_BYTES_MAX {
        buffer.bytes.extend_from_slice(bytes);
    }
}

/// The outcome of a call, from its status and what it wrote from `start` on.
pub(super) fn outcome(
    status: CallStatus,
    bytes: &mut Vec<u8>,
    start: usize,
) -> Result<(), CallError> {
    if status == CallStatus::Ok {
        return Ok(());
    }
    let error = error(status, &bytes[start..]);
    bytes.truncate(start);
    Err(error)
}

/// The error that a status other than `Ok` and its bytes tell of.
pub(super) fn error(status: CallStatus, bytes: &[u8]) -> CallError {
    let text = || {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        escape(&mut text);
        cut(&mut text, FAULT_DETAIL_BYTES_MAX);
        text
    };
    match status {
        CallStatus::Fault => CallError::Fault(
            codec::decode(crate::raw::Codec::Postcard, bytes)
                .unwrap_or_else(|reason| Fault::new("unreadable-fault", reason))
                .bounded(),
        ),
        CallStatus::Panicked => CallError::Panicked { text: text() },
        CallStatus::RolledBack => CallError::RolledBack { text: text() },
        CallStatus::Ok | CallStatus::Rejected => CallError::Rejected { reason: text() },
    }
}

impl CallError {
    /// The entry of the state that a fault names, if it names one: see [`Fault::at`].
    pub fn key(&self) -> Option<&str> {
        match self {
            CallError::Fault(fault) => fault.key.as_deref(),
            _ => None,
        }
    }

    /// The status of this error as the answer to a call on the upgrade bus; what the asker is told goes
    /// to `out`.
    pub fn to_bus(&self, out: &mut Vec<u8>) -> BusStatus {
        match self {
            CallError::Fault(fault) => {
                codec::to_postcard(fault, out);
                BusStatus::Fault
            }
            other => {
                out.extend_from_slice(other.to_string().as_bytes());
                BusStatus::Failed
            }
        }
    }

    /// The error that a handler's status and bytes tell of, as [`super::Services::reply`] gets them.
    pub fn of_reply(status: CallStatus, bytes: &[u8]) -> Self {
        error(status, bytes)
    }
}
