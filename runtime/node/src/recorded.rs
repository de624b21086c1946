//! The answer to a message as it goes to the client and into the record of replies.

use refit_abi::{Fault, Generation, ServiceError, Undelivered};
use refit_admin::{Bytes, Refusal, Replied};
use refit_kernel::{QueryError, ReplyError};
use serde::{Deserialize, Serialize};

/// An answer as it is recorded: the same bytes for every repeat of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) generation: Generation,
    pub(crate) outcome: Result<Vec<u8>, Refused>,
}

/// A [`Refusal`] in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    status: u16,
    code: String,
    detail: String,
    next: String,
}

impl Recorded {
    pub(crate) fn of(generation: Generation, outcome: Result<Vec<u8>, ReplyError>) -> Self {
        Self {
            generation,
            outcome: outcome.map_err(|error| refused(&error)),
        }
    }

    /// What the client gets.
    pub(crate) fn answer(
        self,
        height: refit_abi::Height,
        repeated: bool,
    ) -> Result<Replied, Refusal> {
        match self.outcome {
            Ok(body) => {
                let body = Bytes::from(body);
                Ok(Replied {
                    body,
                    height,
                    generation: self.generation,
                    repeated,
                })
            }
            Err(r) => Err(Refusal::new(r.status, r.code, r.detail, r.next)),
        }
    }
}

fn refused(error: &ReplyError) -> Refused {
    let (status, code, next) = match error {
        // Whether the handler kept its word and changed nothing, the node does not know.
        ReplyError::Fault(fault) if refused_midway(fault) => (
            422,
            fault.code.as_str(),
            "the node refused what the engine asked for midway: query its state before you send this again",
        ),
        ReplyError::Fault(fault) => (422, fault.code.as_str(), "change the request"),
        ReplyError::ChangedAtFault(fault) => (
            422,
            fault.code.as_str(),
            "mend the engine: it changed its state before it returned this fault; check first, then change",
        ),
        ReplyError::Rejected { .. } => (
            400,
            "message-rejected",
            "send a message that the engine takes: see its documentation",
        ),
        ReplyError::Panicked { .. } => (
            500,
            "engine-panicked",
            "the engine takes no more messages; bring a mended version, and start it afresh with: refit upgrade plan KIND=PATH --restart KIND",
        ),
        ReplyError::RolledBack { .. } => (
            500,
            "engine-rolled-back",
            "the engine goes on with its state as it was before; change the request, or bring a mended version",
        ),
        ReplyError::TooLarge { .. } => (
            500,
            "reply-too-large",
            "the message was handled: do not send it again; mend the engine, so that it replies with less",
        ),
        ReplyError::Undelivered { reason, .. } => undelivered(*reason),
        _ => (500, "message-failed", "see the node's log"),
    };
    let (code, next) = (code.to_owned(), next.to_owned());
    Refused {
        status,
        code,
        detail: error.to_string(),
        next,
    }
}

/// Whether a handler passed on what a service of the node answered.
fn refused_midway(fault: &Fault) -> bool {
    ServiceError::ALL
        .iter()
        .any(|error| error.code() == fault.code)
}

fn undelivered(reason: Undelivered) -> (u16, &'static str, &'static str) {
    match reason {
        Undelivered::Unknown => (404, "engine-unknown", "see the engines with: refit status"),
        Undelivered::Stopped => (410, "engine-stopped", "see the engines with: refit status"),
        Undelivered::Poisoned => (
            503,
            "engine-poisoned",
            "why is in the node's log; bring a mended version, and start it afresh with: refit upgrade plan KIND=PATH --restart KIND",
        ),
        Undelivered::Full => (503, "mailbox-full", "send again later, with the same key"),
        _ => (
            400,
            "message-rejected",
            "send a message that the engine takes",
        ),
    }
}

/// What a client gets whose query has no answer.
pub(crate) fn query_refusal(error: &QueryError) -> Refusal {
    use refit_abi::host::CallError;
    let (status, code, next) = match error {
        QueryError::Unknown { .. } => undelivered(Undelivered::Unknown),
        QueryError::Unavailable { reason, .. } => undelivered(*reason),
        QueryError::Call {
            error: CallError::Fault(fault),
            ..
        } => (422, fault.code.as_str(), "change the query"),
        QueryError::Call {
            error: CallError::Rejected { .. },
            ..
        } => (
            400,
            "query-rejected",
            "send a query that the engine takes: see its documentation",
        ),
        QueryError::TooLarge { .. } => (500, "answer-too-large", "ask for less at a time"),
        _ => (
            500,
            "query-failed",
            "the query panicked; the state was only read",
        ),
    };
    Refusal::new(status, code, error.to_string(), next)
}
