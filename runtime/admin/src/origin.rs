//! The origin of an answer: the node's life, the block and the generation, on answers of every status.
//!
//! Who makes an answer out of a block says of which; all others leave with the newest block at that time.

use crate::seat::Seat;
use crate::{Moment, Node};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

/// Response header: the block of the reply, or the newest one.
pub const HEADER_HEIGHT: &str = "refit-height";

/// Response header: the generation of code that made the reply, or that is live.
pub const HEADER_GENERATION: &str = "refit-generation";

/// Response header: `true` if the reply is the recorded one of an earlier send.
pub const HEADER_REPEATED: &str = "refit-repeated";

/// Response header: which run of the node answers; heights count anew in another.
pub const HEADER_LIFE: &str = "refit-life";

/// Response header: the branch of the chain; a roll-back or a restore begins another, and has other blocks.
pub const HEADER_BRANCH: &str = "refit-branch";

/// Response header: `true` while replies are held back because the live generation may be taken back, with what was read
/// of it.
pub const HEADER_UNCONFIRMED: &str = "refit-unconfirmed";

// The same, read once.
static HEIGHT: HeaderName = HeaderName::from_static(HEADER_HEIGHT);
static GENERATION: HeaderName = HeaderName::from_static(HEADER_GENERATION);
pub(crate) static LIFE: HeaderName = HeaderName::from_static(HEADER_LIFE);
pub(crate) static BRANCH: HeaderName = HeaderName::from_static(HEADER_BRANCH);

/// Says the newest block of an answer that says of none.
pub(crate) fn say_if_unsaid(headers: &mut HeaderMap, node: &dyn Node) {
    if !headers.contains_key(&HEIGHT) {
        say(headers, node.moment(), false);
    }
}

/// A request that was refused before its body was taken, or whose sender did not keep to the rules, is the last one
/// on its connection: what comes next on it may be anything.
pub(crate) fn close_if_refused(response: &mut Response, seat: &Seat, is_whole: bool) {
    let status = response.status();
    let owes_body = !is_whole && !seat.has_body();
    if !(CLOSING.contains(&status) || owes_body && !status.is_success()) {
        return;
    }
    if owes_body {
        seat.linger();
    }
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
}

/// Statuses after which a connection is closed.
const CLOSING: [StatusCode; 4] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
];

/// Says where an answer was made.
pub(crate) fn say(headers: &mut HeaderMap, moment: Moment, repeated: bool) {
    headers.insert(&HEIGHT, moment.height.0.into());
    headers.insert(&GENERATION, moment.generation.0.into());
    if repeated {
        headers.insert(HEADER_REPEATED, HeaderValue::from_static("true"));
    }
}
