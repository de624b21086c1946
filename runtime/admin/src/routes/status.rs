//! Looks at the node: status and metrics.

use super::App;
use super::blocking::ask;
use super::json::json;
use crate::Refusal;
use crate::api::ENGINES_SHOWN_MAX;
use crate::pass::For;
use crate::seat::Seat;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// The content type of the metrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn status(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let mut status = ask(&app, asking, |node| node.status()).await??;
    status.engines.truncate(ENGINES_SHOWN_MAX);
    json(&app, &status)
}

pub(super) async fn metrics(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], app.node.metrics().encode()).into_response()
}
