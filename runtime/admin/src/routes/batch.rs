//! Many messages in one request: its head; the rest is in [`crate::batch`].

use super::App;
use crate::batch::{Batch, PATH as BATCH_PATH};
use crate::seat::Seat;
use crate::{Refusal, body};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;

pub(super) const PATH: &str = BATCH_PATH;

/// The content type of a batch and of its answers.
pub const BATCH_CONTENT_TYPE: &str = "application/x-ndjson";

pub(super) async fn send(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    body::check_media(request.headers(), BATCH_CONTENT_TYPE)?;
    let (turn, turns) = app.places.batch().await?;
    // The batch reads the rest of the client's lines, while it answers.
    let seat = Seat::of(&request);
    seat.take_body();
    let batch = Batch {
        node: app.node.clone(),
        at: app.entrance(&seat),
        body: request.into_body(),
        message_bytes_max: app.limits.message_bytes_max,
        idle_wait: app.limits.batch_idle_wait,
        ending: app.ending.clone(),
        bodies: app.bodies.clone(),
        ahead: app.ahead.clone(),
        turn,
        turns,
        seat,
    };
    let mut response = Response::new(Body::new(batch.begin()));
    let media = HeaderValue::from_static(BATCH_CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, media);
    Ok(response)
}
