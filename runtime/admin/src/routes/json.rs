//! Answers that are made here: a value's JSON text, with its part of the room for answers.

use super::App;
use crate::{CarriedOut, Refusal, origin};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use refit_abi::codes;
use serde::Serialize;

/// A response with the text of `value`.
pub(super) fn json(app: &App, value: &impl Serialize) -> Result<Response, Refusal> {
    let text = serde_json::to_vec(value).map_err(unwritten)?;
    let mut response = app.node.answers().hold(text)?.into_response();
    let media = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, media);
    Ok(response)
}

/// The same of what an order has done, which says in which block.
pub(super) fn carried_out<T: Serialize>(
    app: &App,
    order: &CarriedOut<T>,
) -> Result<Response, Refusal> {
    let mut response = json(app, &order.done)?;
    origin::say(response.headers_mut(), order.moment, order.repeated);
    Ok(response)
}

/// No value of the interface is one that serde cannot write.
pub(super) fn unwritten(error: serde_json::Error) -> Refusal {
    let detail = format!("the answer could not be written: {error}");
    Refusal::new(500, codes::INTERNAL, detail, "see the log of the node")
}
