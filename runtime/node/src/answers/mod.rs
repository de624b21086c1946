//! Turns the outcome of a client's message or query into its answer: a reply, or a refusal with a status, a code and
//! a next step.

pub(crate) mod events;
pub(crate) mod refusals;

use refit_abi::codes;
use refit_abi::{Fault, ServiceError, Undelivered};
use refit_admin::{Bytes, CarriedOut, Moment, Refusal, Replied, Room};
use refit_kernel::{
    At, Done, KeyRefusal, OrderError, Ordered, ParametersError, QueryError, ReplyError,
};
use refusals::reply_without_room;

/// Turns the outcome of a message into its client's answer.
pub(crate) fn answer(replied: refit_kernel::Replied) -> Result<Replied, Refusal> {
    let (height, generation, repeated) = (replied.height, replied.generation, replied.repeated);
    match replied.outcome {
        Ok(body) => Ok(Replied {
            body: Bytes::from(body),
            height,
            generation,
            repeated,
        }),
        Err(error) => {
            let moment = Moment { height, generation };
            Err(refused(&error).at(moment, repeated))
        }
    }
}

/// Turns the outcome of an order into its operator's answer.
pub(crate) fn ordered(ordered: Ordered) -> Result<CarriedOut<Done>, Refusal> {
    let (moment, repeated) = (moment(ordered.at), ordered.repeated);
    match ordered.outcome {
        Ok(done) => Ok(CarriedOut {
            done,
            moment,
            repeated,
        }),
        Err(error) => Err(order_refusal(&error).at(moment, repeated)),
    }
}

fn moment(at: At) -> Moment {
    Moment {
        height: at.height,
        generation: at.generation,
    }
}

pub(crate) fn order_refusal(error: &OrderError) -> Refusal {
    let terms = match error {
        OrderError::Parameters(error) => return parameters_refusal(error),
        OrderError::Key(refusal) => return key_refusal(*refusal),
        OrderError::NoEngine { reason, .. } => undelivered(*reason),
        OrderError::Configuration { .. } => Terms::of(
            409,
            codes::RESTART_CONFIGURATION,
            "bring code that takes the engine's configuration: refit upgrade plan KIND=PATH",
        ),
        OrderError::Init { .. } => Terms::of(
            422,
            codes::RESTART_FAILED,
            "the engine is as it was before; its `init` fails for a reason of its own: mend its code or what it needs",
        ),
        OrderError::NotPoisoned { .. } => {
            let next = "see the engines with: refit status";
            Terms::of(409, codes::ENGINE_NOT_POISONED, next)
        }
        OrderError::PoisonedElsewhere { .. } => Terms::of(
            409,
            codes::REVIVE_FAILED,
            "revive it again: refit engine revive ENGINE",
        ),
        OrderError::OtherState { .. } => Terms::of(
            409,
            codes::REVIVE_OTHER_CODE,
            "start it afresh: refit engine restart ENGINE",
        ),
        OrderError::State { .. } => Terms::of(
            422,
            codes::REVIVE_FAILED,
            "start it afresh: refit engine restart ENGINE",
        ),
        _ => Terms::of(500, codes::ORDER_FAILED, "see the node's log"),
    };
    terms.refusal(error)
}

/// The refusal of parameters that cannot be set.
pub(crate) fn parameters_refusal(error: &ParametersError) -> Refusal {
    Refusal::of(422, error)
}

/// Marks an answer as repeated, for those that sent the same request again meanwhile.
pub(crate) fn repeated(answer: &Result<Replied, Refusal>) -> Result<Replied, Refusal> {
    let mut answer = answer.clone();
    match &mut answer {
        Ok(replied) => replied.repeated = true,
        Err(refusal) => refusal.repeated = true,
    }
    answer
}

/// How a client is told of an error, beside the error's own text.
struct Terms<'a> {
    /// HTTP.
    status: u16,
    code: &'a str,
    next: &'static str,
}

impl<'a> Terms<'a> {
    fn of(status: u16, code: &'a str, next: &'static str) -> Self {
        Self { status, code, next }
    }

    fn refusal(self, error: &impl ToString) -> Refusal {
        Refusal::new(self.status, self.code, error.to_string(), self.next)
    }
}

fn refused(error: &ReplyError) -> Refusal {
    let terms = match error {
        ReplyError::Fault(fault) => Terms::of(422, fault.code.as_str(), after_fault(fault)),
        ReplyError::ChangedAtFault(fault) => Terms::of(
            422,
            fault.code.as_str(),
            "mend the engine: it changed its state before it returned this fault; check first, then change",
        ),
        ReplyError::Rejected { .. } => Terms::of(
            400,
            codes::MESSAGE_REJECTED,
            "send a message that the engine takes: see its documentation",
        ),
        ReplyError::Panicked { .. } => Terms::of(
            500,
            codes::ENGINE_PANICKED,
            "the engine takes no more messages; on probation take the upgrade back: refit upgrade rollback, or keep it: refit upgrade confirm; then bring back the state of before with: refit engine revive ENGINE; start it afresh with: refit engine restart ENGINE, or with mended code: refit upgrade plan KIND=PATH --restart KIND",
        ),
        ReplyError::RolledBack { .. } => Terms::of(
            500,
            codes::ENGINE_ROLLED_BACK,
            "the engine goes on with its state as it was before; change the request, or bring a mended version",
        ),
        ReplyError::TooLarge { .. } => Terms::of(
            500,
            codes::REPLY_TOO_LARGE,
            "the message was handled: do not send it again; mend the engine, so that it replies with less",
        ),
        ReplyError::NoRoom { .. } => Terms::of(
            500,
            codes::REPLY_LOST,
            "the message was handled: do not send it again; read the state with a query, and ask for fewer long replies at once",
        ),
        ReplyError::Undelivered { reason, .. } => undelivered(*reason),
        ReplyError::Key(refusal) => of_key(*refusal),
        _ => Terms::of(500, codes::MESSAGE_FAILED, "see the node's log"),
    };
    terms.refusal(error)
}

/// The refusal of an order that is not carried out because of its key.
pub(crate) fn key_refusal(refusal: KeyRefusal) -> Refusal {
    of_key(refusal).refusal(&refusal)
}

fn of_key(refusal: KeyRefusal) -> Terms<'static> {
    match refusal {
        KeyRefusal::Used => Terms::of(
            422,
            codes::KEY_USED,
            "send another request under another key: each has a larger number than the ones before",
        ),
        KeyRefusal::Forgotten => Terms::of(
            409,
            codes::REQUEST_FORGOTTEN,
            "read the state with a query, and go on with a larger sequence",
        ),
        KeyRefusal::NoPlace { .. } => Terms::of(
            503,
            codes::NAMES_FULL,
            "send under a name that the node already keeps, or without a key; use a new name from that block on",
        ),
        KeyRefusal::ShareFull { .. } => Terms::of(
            503,
            codes::NAMES_FULL,
            "send under a name that has already come in by this way, or without a key; use a new name from that block on",
        ),
        KeyRefusal::Waiting => Terms::of(
            429,
            codes::KEYS_WAITING,
            "wait for the replies, and send again with the same key",
        ),
        KeyRefusal::Later => Terms::of(
            503,
            codes::REPEATS_FULL,
            "send again later, with the same key",
        ),
        _ => Terms::of(500, codes::MESSAGE_FAILED, "see the node's log"),
    }
}

/// What a client can do after a fault. Whether the handler kept its word and changed nothing, the node does not know.
fn after_fault(fault: &Fault) -> &'static str {
    match fault.code.as_str() {
        codes::REPLY_NOT_WRITTEN => {
            "mend what the engine replies with; its handler has run: query its state before you send this again"
        }
        _ if refused_midway(fault) => {
            "the node refused what the engine asked for midway: query its state before you send this again"
        }
        _ => "change the request",
    }
}

/// Whether a handler passed on what a service of the node answered.
fn refused_midway(fault: &Fault) -> bool {
    ServiceError::ALL
        .iter()
        .any(|error| error.code() == fault.code)
}

fn undelivered(reason: Undelivered) -> Terms<'static> {
    match reason {
        Undelivered::Unknown => Terms::of(
            404,
            codes::ENGINE_UNKNOWN,
            "see the engines with: refit status",
        ),
        Undelivered::Stopped => Terms::of(
            410,
            codes::ENGINE_STOPPED,
            "see the engines with: refit status",
        ),
        Undelivered::Poisoned => Terms::of(
            503,
            codes::ENGINE_POISONED,
            "the node's log says why; on probation take the upgrade back: refit upgrade rollback, or keep it: refit upgrade confirm; then bring back the state of before with: refit engine revive ENGINE; start it afresh with: refit engine restart ENGINE, or with mended code: refit upgrade plan KIND=PATH --restart KIND",
        ),
        Undelivered::Full => Terms::of(
            503,
            codes::MAILBOX_FULL,
            "send again later, with the same key",
        ),
        _ => Terms::of(
            400,
            codes::MESSAGE_REJECTED,
            "send a message that the engine takes",
        ),
    }
}

/// The refusal of a query without an answer.
pub(crate) fn query_refusal(error: &QueryError) -> Refusal {
    use refit_abi::host::CallError;
    let terms = match error {
        QueryError::Unknown { .. } => undelivered(Undelivered::Unknown),
        QueryError::Unavailable { reason, .. } => undelivered(*reason),
        QueryError::Call {
            error: CallError::Fault(fault),
            ..
        } => {
            let next = match fault.code.as_str() {
                codes::ANSWER_NOT_WRITTEN => "mend what the engine answers with",
                _ => "change the query",
            };
            Terms::of(422, fault.code.as_str(), next)
        }
        QueryError::Call {
            error: CallError::Rejected { .. },
            ..
        } => Terms::of(
            400,
            codes::QUERY_REJECTED,
            "send a query that the engine takes: see its documentation",
        ),
        QueryError::TooLarge { .. } => {
            Terms::of(500, codes::ANSWER_TOO_LARGE, "ask for less at a time")
        }
        _ => Terms::of(
            500,
            codes::QUERY_FAILED,
            "the query panicked; the state was only read",
        ),
    };
    terms.refusal(error)
}

/// A reply with its part of the room for answers.
pub(crate) fn hold(answers: &Room, replied: Replied) -> Result<Replied, Refusal> {
    let moment = replied.moment();
    match answers.hold(replied.body) {
        Ok(body) => Ok(Replied { body, ..replied }),
        Err(no_room) => Err(reply_without_room(no_room).at(moment, replied.repeated)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_after_a_fault_follows_from_whose_it_is() {
        let next = |code: &str| {
            refused(&ReplyError::Fault(Fault::new(code, "a text")))
                .why
                .next
        };
        assert!(next(codes::REPLY_NOT_WRITTEN).contains("mend what"));
        let spent = ServiceError::ALL[0].code();
        assert!(next(spent).contains("midway"));
        assert_eq!(next("too-low"), "change the request");
    }
}
