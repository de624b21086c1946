//! [`KeptOutcome`]: how a request under a key ended, as it is kept for whoever asks again.

use crate::outcome::ReplyError;
use serde::{Deserialize, Serialize, Serializer};

/// Longest reply that is kept in its place, without an allocation of its own, in bytes: with it an outcome takes 48.
const SHORT_BYTES_MAX: usize = 46;

/// An outcome in as little room as there is: most are short replies. Written down it is what the outcome itself is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Result<Box<[u8]>, Box<ReplyError>>")]
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

    fn get(&self) -> Result<&[u8], &ReplyError> {
        match self {
            Self::Short { length, bytes } => Ok(&bytes[..usize::from(*length)]),
            Self::Ok(reply) => Ok(reply),
            Self::Err(error) => Err(error),
        }
    }

    /// The outcome, told again.
    pub(super) fn again(&self) -> Result<Vec<u8>, ReplyError> {
        self.get().map(<[u8]>::to_vec).map_err(ReplyError::clone)
    }

    /// Bytes of what it says.
    pub(super) fn bytes(&self) -> usize {
        self.get().map_or_else(error_bytes, <[u8]>::len)
    }
}

impl Serialize for KeptOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl From<Result<Box<[u8]>, Box<ReplyError>>> for KeptOutcome {
    fn from(outcome: Result<Box<[u8]>, Box<ReplyError>>) -> Self {
        match outcome {
            Ok(reply) => Self::short(&reply).unwrap_or(Self::Ok(reply)),
            Err(error) => Self::Err(error),
        }
    }
}

/// What an outcome takes beside its place, in bytes.
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
            assert_eq!(kept.again(), outcome);
        }
    }
}
