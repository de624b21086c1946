//! [`KeptOutcome`]: the end of a request under a key, kept for repeats.

use super::{Admitted, At};
use crate::limits::DONE_BYTES;
use crate::reply::done::Done;
use crate::reply::error::ReplyError;
use serde::{Deserialize, Serialize, Serializer};

/// Longest reply that is kept in its place, without an allocation of its own, in bytes: with it an outcome takes 48.
const SHORT_BYTES_MAX: usize = 46;

/// An outcome in as little room as there is: most are short replies. Written down, that of a message is what the outcome
/// itself is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub(super) enum KeptOutcome {
    /// A reply of at most [`SHORT_BYTES_MAX`] bytes; behind it are zeros.
    Short {
        length: u8,
        bytes: [u8; SHORT_BYTES_MAX],
    },
    /// A longer one.
    Ok(Box<[u8]>),
    /// Without the text of a panic.
    Err(Box<ReplyError>),
    /// The effect of an order.
    Done(Box<Done>),
}

impl KeptOutcome {
    pub(super) fn of(outcome: &Result<Vec<u8>, ReplyError>) -> Self {
        match outcome {
            Ok(reply) => Self::short(reply).unwrap_or_else(|| Self::Ok(reply.as_slice().into())),
            Err(error) => Self::Err(Box::new(without_panic_text(error))),
        }
    }

    fn short(reply: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT_BYTES_MAX];
        bytes.get_mut(..reply.len())?.copy_from_slice(reply);
        let length = u8::try_from(reply.len()).ok()?;
        Some(Self::Short { length, bytes })
    }

    pub(super) fn done(done: Done) -> Self {
        Self::Done(Box::new(done))
    }

    fn get(&self) -> Said<'_> {
        match self {
            Self::Short { length, bytes } => Said::Ok(&bytes[..usize::from(*length)]),
            Self::Ok(reply) => Said::Ok(reply),
            Self::Err(error) => Said::Err(error),
            Self::Done(done) => Said::Done(done),
        }
    }

    /// The outcome, given again.
    pub(super) fn again(&self, at: At) -> Admitted {
        match self.get() {
            Said::Ok(reply) => Admitted::Again(at, Ok(reply.to_vec())),
            Said::Err(error) => Admitted::Again(at, Err(error.clone())),
            Said::Done(done) => Admitted::Done(at, *done),
        }
    }

    /// Bytes of what it says.
    pub(super) fn bytes(&self) -> usize {
        match self.get() {
            Said::Ok(reply) => reply.len(),
            Said::Err(error) => error_bytes(error),
            Said::Done(_) => DONE_BYTES,
        }
    }
}

/// The content of a kept outcome, wherever it is stored; and its written form: a result, with one case more.
#[derive(Serialize)]
enum Said<'a> {
    Ok(&'a [u8]),
    Err(&'a ReplyError),
    Done(&'a Done),
}

/// The same, read back.
#[derive(Deserialize)]
enum Written {
    Ok(Box<[u8]>),
    Err(Box<ReplyError>),
    Done(Box<Done>),
}

impl Serialize for KeptOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl From<Written> for KeptOutcome {
    fn from(written: Written) -> Self {
        match written {
            Written::Ok(reply) => Self::short(&reply).unwrap_or(Self::Ok(reply)),
            Written::Err(error) => Self::Err(error),
            Written::Done(done) => Self::Done(done),
        }
    }
}

/// The bytes of an outcome beside its place.
pub(crate) fn bytes(outcome: &Result<Vec<u8>, ReplyError>) -> usize {
    match outcome {
        Ok(reply) => reply.len(),
        Err(error) => error_bytes(error),
    }
}

fn without_panic_text(error: &ReplyError) -> ReplyError {
    let text = String::new();
    match error {
        ReplyError::Panicked { engine, .. } => ReplyError::Panicked {
            engine: *engine,
            text,
        },
        ReplyError::RolledBack { engine, .. } => ReplyError::RolledBack {
            engine: *engine,
            text,
        },
        other => other.clone(),
    }
}

fn error_bytes(error: &ReplyError) -> usize {
    match error {
        ReplyError::Fault(fault) | ReplyError::ChangedAtFault(fault) => {
            fault.code.len() + fault.detail.len() + fault.key.as_ref().map_or(0, String::len)
        }
        ReplyError::Rejected { reason, .. } => reason.len(),
        ReplyError::Panicked { .. }
        | ReplyError::RolledBack { .. }
        | ReplyError::TooLarge { .. }
        | ReplyError::NoRoom { .. }
        | ReplyError::Undelivered { .. }
        | ReplyError::Key(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::{EngineId, Fault};

    #[test]
    fn written_down_it_is_what_the_outcome_is() {
        let fault = Fault::new("no", "not today").at("a");
        let text = String::new();
        let engine = EngineId::root("kv").unwrap();
        let outcomes = [
            Ok(Vec::new()),
            Ok(vec![7; SHORT_BYTES_MAX]),
            Ok(vec![7; SHORT_BYTES_MAX + 1]),
            Ok(vec![7; 300]),
            Err(ReplyError::Fault(fault)),
            Err(ReplyError::Panicked { engine, text }),
        ];
        for outcome in outcomes {
            let kept = KeptOutcome::of(&outcome);
            let bytes = postcard::to_allocvec(&kept).unwrap();
            assert_eq!(bytes, postcard::to_allocvec(&outcome).unwrap());
            assert_eq!(postcard::from_bytes(&bytes), Ok(kept.clone()));
            let at = At::default();
            assert_eq!(kept.again(at), Admitted::Again(at, outcome));
        }
    }
}
