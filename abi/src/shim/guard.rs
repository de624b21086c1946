//! Catches panics at the seam, and writes their text to the host's sink.

use crate::codec::Refused;
use crate::raw::{Bytes, CallStatus, Sink};
use crate::{Fault, codec};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The failure of the author's or the generated code.
pub(super) enum Failure {
    /// The author said so.
    Fault(Fault),
    /// The bytes were not of the type.
    Rejected(String),
    /// The value is too deep for this thread's stack.
    TooDeep,
    /// A field of the value is not in its bytes.
    Incomplete(&'static str),
}

/// To a sender, a message that is too deep to be read is one that is not of the type.
pub(super) fn rejected(refused: Refused) -> Failure {
    Failure::Rejected(refused.to_string())
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooDeep => Failure::TooDeep,
            Refused::Incomplete { field } => Failure::Incomplete(field),
            Refused::Other(reason) => Failure::Rejected(reason),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

/// Runs `call`; a failure or panic goes to `sink` and becomes the status.
pub(super) fn guarded(sink: Sink, call: impl FnOnce() -> Result<(), Failure>) -> CallStatus {
    // A state that a panic left half-changed is never used again: the caller poisons or aborts.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => CallStatus::Ok,
        Ok(Err(Failure::Fault(fault))) => {
            let mut bytes = Vec::new();
            codec::to_postcard(&fault, &mut bytes);
            write(sink, &bytes);
            CallStatus::Fault
        }
        Ok(Err(Failure::Rejected(reason))) => {
            write(sink, reason.as_bytes());
            CallStatus::Rejected
        }
        Ok(Err(Failure::TooDeep)) => CallStatus::TooDeep,
        Ok(Err(Failure::Incomplete(field))) => {
            write(sink, field.as_bytes());
            CallStatus::Incomplete
        }
        Err(panic) => {
            write(sink, text(panic).as_bytes());
            CallStatus::Panicked
        }
    }
}

/// Hands bytes to the host, which copies them.
pub(super) fn write(sink: Sink, bytes: &[u8]) {
    // SAFETY: the host made the sink for this call.
    unsafe { (sink.write)(sink.host, Bytes::from(bytes)) }
}

/// Drops a panic that nobody hears of.
pub(super) fn let_go(panic: Box<dyn Any + Send>) {
    drop(text(panic));
}

/// The text of a panic.
pub(super) fn text(panic: Box<dyn Any + Send>) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    match said {
        Some(text) => text,
        None => {
            // Its destructor is the author's and may panic again.
            std::mem::forget(panic);
            "a panic that carried no text".to_owned()
        }
    }
}
