//! The outcome of one call into a module, and the buffer that the module wrote to.

use crate::codes;
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
        /// The text of the panic.
        text: String,
    },
    /// The author's code panicked, and the state is as it was before the message.
    #[error("the engine panicked and was rolled back: {text}")]
    RolledBack {
        /// The text of the panic.
        text: String,
    },
    /// The bytes are not of the type that the engine takes.
    #[error("this is not what the engine takes: {reason}")]
    Rejected {
        /// The decoder's message.
        reason: String,
    },
    /// The state is nested deeper than the stacks of this machine's threads allow.
    #[error("the state is nested too deep for a thread's stack")]
    TooDeep,
    /// The module wrote more than it may in one call; nothing of it is kept.
    #[error(
        "the module wrote more than {bytes_max} bytes in one call; a state as large as that is written in pieces"
    )]
    TooLong {
        /// Most bytes that it may write.
        bytes_max: usize,
    },
    /// A field of the state is not in its bytes.
    #[error(
        "its field `{field}` is left out of its bytes (as serde's `skip_serializing_if` does), so they would read back as another state"
    )]
    Incomplete {
        /// The field's name, as its `Serialize` gives it.
        field: String,
    },
    /// The state was made by code with another schema or layout.
    #[error("the state has another schema or layout than this code; it must be migrated first")]
    WrongState,
}

/// A sink that appends to a vector. Lives on the caller's stack for one call, which [`Buffer::end`] sees to: the
/// outcome is had from the buffer alone, so it is there until the call has ended.
#[must_use = "the outcome of the call is had from it"]
pub(super) struct Buffer<'a> {
    bytes: &'a mut Vec<u8>,
    /// The number of bytes that were in the buffer before.
    start: usize,
    /// Most bytes that are taken.
    bytes_max: usize,
    /// Whether the module wrote more. Nothing is kept then: a part would pass for the whole.
    is_over: bool,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self::of_at_most(SINK_BYTES_MAX, bytes)
    }

    fn of_at_most(bytes_max: usize, bytes: &'a mut Vec<u8>) -> Self {
        let start = bytes.len();
        Self {
            bytes,
            start,
            bytes_max,
            is_over: false,
        }
    }

    /// The outcome of the call that wrote here, from its status.
    ///
    /// # Errors
    /// The error that the status and the bytes describe; [`CallError::TooLong`].
    pub(super) fn end(self, status: CallStatus) -> Result<(), CallError> {
        if self.is_over {
            self.bytes.truncate(self.start);
            let bytes_max = self.bytes_max;
            return Err(CallError::TooLong { bytes_max });
        }
        outcome(status, self.bytes, self.start)
    }

    /// The sink over this buffer. A caller through it vouches, as for each pointer that crosses, that the
    /// buffer lives and is used by nobody else.
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
    let room = buffer.bytes_max - (buffer.bytes.len() - buffer.start);
    if buffer.is_over || bytes.len() > room {
        buffer.is_over = true;
    } else {
        buffer.bytes.extend_from_slice(bytes);
    }
}

/// The outcome of a call, from its status and what it wrote from `start` on.
fn outcome(status: CallStatus, bytes: &mut Vec<u8>, start: usize) -> Result<(), CallError> {
    if status == CallStatus::Ok {
        return Ok(());
    }
    let error = error(status, &bytes[start..]);
    bytes.truncate(start);
    Err(error)
}

/// The error that a status (not `Ok`) and its bytes describe.
pub(super) fn error(status: CallStatus, bytes: &[u8]) -> CallError {
    let text = || {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        escape(&mut text);
        cut(&mut text, FAULT_DETAIL_BYTES_MAX);
        text
    };
    match status {
        CallStatus::Fault => CallError::Fault(
            codec::decode_flat(crate::raw::Codec::Postcard, bytes)
                .unwrap_or_else(|reason| Fault::new(codes::UNREADABLE_FAULT, reason))
                .bounded(),
        ),
        CallStatus::Panicked => CallError::Panicked { text: text() },
        CallStatus::RolledBack => CallError::RolledBack { text: text() },
        CallStatus::TooDeep => CallError::TooDeep,
        CallStatus::Incomplete => CallError::Incomplete { field: text() },
        CallStatus::Ok | CallStatus::Rejected => CallError::Rejected { reason: text() },
    }
}

/// The code of whatever is refused because a state is too deep.
const STATE_TOO_DEEP: &str = codes::STATE_TOO_DEEP;

/// The next step for the reader.
const STATE_TOO_DEEP_NEXT: &str = "the engine goes on as it was; keep the data of a recursive type flat, such as a `BTreeMap` of entries that name each other by number";

/// The code of a call that is refused because a state's bytes leave out a part of it.
const STATE_INCOMPLETE: &str = codes::STATE_INCOMPLETE;

/// The next step for the reader.
const STATE_INCOMPLETE_NEXT: &str = "look at the serde attributes of the types behind #[state(serde)]: a type with `skip_serializing_if` is made for JSON and cannot be part of a state; keep one without";

impl CallError {
    /// Code and advice of a failure that no author's function has a part in; `None` for any other.
    pub fn of_the_state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            CallError::Incomplete { .. } => Some((STATE_INCOMPLETE, STATE_INCOMPLETE_NEXT)),
            error if error.is_too_deep() => Some((STATE_TOO_DEEP, STATE_TOO_DEEP_NEXT)),
            _ => None,
        }
    }

    /// Whether a state is too deep to be written, read or copied.
    pub fn is_too_deep(&self) -> bool {
        match self {
            CallError::TooDeep => true,
            // So says a step that copies what it does not change.
            CallError::Fault(fault) => fault.code == STATE_TOO_DEEP,
            _ => false,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes pieces to a sink of at most 8 bytes.
    fn written(pieces: &[&[u8]], status: CallStatus) -> (Result<(), CallError>, Vec<u8>) {
        let mut bytes = b"before".to_vec();
        let mut buffer = Buffer::of_at_most(8, &mut bytes);
        for piece in pieces {
            let sink = buffer.sink();
            // SAFETY: the buffer lives, and is used by nobody else meanwhile.
            unsafe { (sink.write)(sink.host, Bytes::from(*piece)) };
        }
        (buffer.end(status), bytes)
    }

    #[test]
    fn what_a_module_wrote_is_whole_or_refused() {
        let (done, bytes) = written(&[b"1234", b"5678"], CallStatus::Ok);
        assert_eq!((done, bytes.as_slice()), (Ok(()), &b"before12345678"[..]));
        let over = Err(CallError::TooLong { bytes_max: 8 });
        for pieces in [&[&b"123456789"[..]][..], &[b"1234", b"56789", b"5"]] {
            for status in [CallStatus::Ok, CallStatus::Rejected] {
                let (done, bytes) = written(pieces, status);
                assert_eq!((&done, bytes.as_slice()), (&over, &b"before"[..]));
            }
        }
    }
}
