//! The two bounds that a request takes with it: a place among those under way, and its deadline.

use crate::{Limits, Refusal};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The places for messages, queries and plans under way on one listener.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Semaphore>);

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Semaphore::new(limits.requests_max.max(1))))
    }
}

/// Runs the request if there is a place for it.
pub(crate) async fn place(State(places): State<Places>, request: Request, next: Next) -> Response {
    match places.0.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => {
            let detail = "as many requests as the node takes at once are under way";
            Refusal::new(
                503,
                "too-busy",
                detail,
                "send it again, with the same Idempotency-Key",
            )
            .into_response()
        }
    }
}

/// Runs the request until its deadline.
pub(crate) async fn deadline(
    State(wait): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    match tokio::time::timeout(wait, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!(
                "no answer within {} ms; it may still come",
                wait.as_millis()
            );
            let next = "send it again, with the same Idempotency-Key";
            Refusal::new(504, "no-answer-in-time", detail, next).into_response()
        }
    }
}
