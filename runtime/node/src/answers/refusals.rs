//! The refusals of a node that cannot answer now: each with a status, a code and a next step. The outcome of a
//! message itself is in [`crate::answers`].

use crate::known::latest::Latest;
use crate::known::standing::Standing;
use crate::limits::{REPLY_WAIT_MAX, STATUS_WAIT_MAX};
use crate::watch::{StuckCall, Watched};
use parking_lot::Mutex;
use refit_abi::codes;
use refit_admin::{NoRoom, Refusal};
use std::time::Duration;

/// A message was handled, and its reply is too large for what other clients have left unread.
pub(crate) fn reply_without_room(no_room: NoRoom) -> Refusal {
    let mut refusal = Refusal::from(no_room);
    refusal.why.next =
        "the message was handled: send it again with the same key for its reply; without a key, query the state"
            .to_owned();
    refusal
}

pub(crate) fn no_reply_yet() -> Refusal {
    Refusal::new(
        504,
        codes::NO_REPLY_YET,
        format!("no reply within {} s", REPLY_WAIT_MAX.as_secs()),
        "send the same request with the same key again: it is executed once",
    )
}

/// A call into an engine does not return: nothing else happens until it does.
pub(crate) fn engine_stuck(status: u16, stuck: &StuckCall) -> Refusal {
    Refusal::new(
        status,
        codes::ENGINE_STUCK,
        format!("{stuck}; nothing else runs until it returns"),
        "see `refit status`; a node that stays so is ended with a second signal and started again",
    )
}

/// The pause of an upgrade lasts: nothing else happens until it ends.
pub(crate) fn pause_lasts(lasted: Duration) -> Refusal {
    let detail = format!(
        "the pause of an upgrade lasts since {:.1} s; no message is handled until it ends",
        lasted.as_secs_f32()
    );
    let next = "wait: one that does not end is ended at the node's --pause-limit; see `refit upgrade status`";
    Refusal::new(503, codes::NODE_BUSY, detail, next)
}

pub(crate) fn overloaded() -> Refusal {
    Refusal::new(
        503,
        codes::OVERLOADED,
        "the node has more requests waiting than it keeps",
        "send again later",
    )
}

/// The refusal of a question that the crew did not answer in time.
pub(crate) fn silent(latest: &Mutex<Latest>, standing: &Standing, watched: &Watched) -> Refusal {
    match (*latest.lock(), watched.stuck()) {
        (Latest { ended: true, .. }, _) => return has_ended_how(standing),
        (_, Some(stuck)) => return engine_stuck(503, &stuck),
        (Latest { starting: true, .. }, None) => return starting(),
        _ => {}
    }
    Refusal::new(
        503,
        codes::NODE_BUSY,
        format!(
            "the node did not answer within {} s: it is busy with a block, a state copy or a pause",
            STATUS_WAIT_MAX.as_secs()
        ),
        "ask again; if it stays so, see the node's log",
    )
}

/// The engines are not all started.
pub(crate) fn starting() -> Refusal {
    Refusal::new(
        503,
        codes::NODE_STARTING,
        "the node starts its engines",
        "ask again in a moment; if it stays so, see the node's log",
    )
}

/// Why a node that executes no more blocks does not.
pub(crate) fn has_ended_how(standing: &Standing) -> Refusal {
    standing.goes_on().err().unwrap_or_else(ended)
}

pub(crate) fn ended() -> Refusal {
    Refusal::new(
        503,
        codes::NODE_ENDED,
        "the node executes no more blocks",
        "see its log; start it again",
    )
}
