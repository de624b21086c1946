//! How a [`Refusal`] leaves: a handler returns it, the last station writes it as problem+json.
//!
//! The two steps are apart because only that station knows the path that was asked for, and because
//! headers that stations in between add (`Allow`, `WWW-Authenticate`) are then kept.

use crate::api::{PROBLEM_CONTENT_TYPE, Problem};
use crate::{Refusal, origin};
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// The `Retry-After` for a client that met a full or unready node, in seconds.
const RETRY_AFTER_S: &str = "1";

impl IntoResponse for Refusal {
    fn into_response(mut self) -> Response {
        let status = StatusCode::from_u16(self.status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.status = status.as_u16();
        let mut response = status.into_response();
        if matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the refusal of a response, if it is one, as its body.
pub(crate) fn render(response: &mut Response, instance: &str) {
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else {
        return;
    };
    if let Some(moment) = refusal.moment {
        origin::say(response.headers_mut(), moment, refusal.repeated);
    }
    let text = serde_json::to_vec(&Problem::new(refusal, instance.to_owned())).unwrap_or_default();
    response.headers_mut().remove(CONTENT_LENGTH);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
    *response.body_mut() = Body::from(text);
}
