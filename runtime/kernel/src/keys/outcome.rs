//! [`KeptOutcome`]: how a request under a key ended, as it is kept for whoever asks again.

use crate::outcome::ReplyError;
use serde::{Deserialize, Serialize};

/// An outcome in as little room as there is: most are replies, and one allocation holds one. Written down it is what
/// the outcome itself is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum KeptOutcome {
    Ok(Box<[u8]>),
    /// Without the text of a panic.
    Err(Box<ReplyError>),
}

impl KeptOutcome {
    pub(super) fn of(outcome: &Result<Vec<u8>, ReplyError>) -> Self {
        match outcome {
            Ok(reply) => Self::Ok(reply.as_slice().into()),
            Err(error) => Self::Err(Box::new(without_panic_text(error))),
        }
    }

    /// The outcome, told again.
    pub(super) fn again(&self) -> Result<Vec<u8>, ReplyError> {
        match self {
            Self::Ok(reply) => Ok(reply.to_vec()),
            Self::Err(error) => Err((**error).clone()),
        }
    }

    /// What it takes beside its place, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Ok(reply) => reply.len(),
            Self::Err(error) => error_bytes(error),
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
