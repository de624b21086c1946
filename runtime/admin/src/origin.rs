//! Where an answer is from: the node's life, the block and the generation, on answers of every status.
//!
//! Who makes an answer out of a block says of which; all others leave with the newest block at that time.

use crate::seats::Seat;
use crate::{Moment, Node, problem};
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Response header: the block of the reply, or the newest one.
pub const HEADER_HEIGHT: &str = "refit-height";

/// Response header: the generation of code that made the reply, or that is live.
pub const HEADER_GENERATION: &str = "refit-generation";

/// Response header: `true` if the reply is the recorded one of an earlier send.
pub const HEADER_REPEATED: &str = "refit-repeated";

/// Response header: which run of the node answers; heights count anew in another.
pub const HEADER_LIFE: &str = "refit-life";

/// The outermost station: runs the request, writes a refusal as its problem, and stamps what leaves.
pub(crate) async fn stamp(
    State(node): State<Arc<dyn Node>>,
    request: Request,
    next: Next,
) -> Response {
    let instance = request.uri().path().to_owned();
    let seat = Seat::of(&request);
    seat.begin_request();
    let is_whole = request.body().is_end_stream();
    let mut response = next.run(request).await;
    problem::render(&mut response, instance);
    close_if_refused(&mut response, &seat, is_whole);
    let headers = response.headers_mut();
    if !headers.contains_key(HEADER_HEIGHT) {
        say(headers, node.moment(), false);
    }
    if let Ok(life) = HeaderValue::try_from(node.life().to_string()) {
        headers.insert(HEADER_LIFE, life);
    }
    response
}

/// A request that was refused before its body was taken, or whose sender did not keep to the rules, is the last one
/// on its connection: what comes next on it may be anything.
fn close_if_refused(response: &mut Response, seat: &Seat, is_whole: bool) {
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
    headers.insert(HEADER_HEIGHT, moment.height.0.into());
    headers.insert(HEADER_GENERATION, moment.generation.0.into());
    if repeated {
        headers.insert(HEADER_REPEATED, HeaderValue::from_static("true"));
    }
}
