//! A refusal on the wire: RFC 9457 `application/problem+json`, with a code and a next step.

use crate::Refusal;
use refit_abi::host::Explained;
use serde::{Deserialize, Serialize};

/// The content type of a [`Problem`].
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// What a refused request gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:refit:problem:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong with this request.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// Stable name of the reason.
    pub code: String,
    /// The next step for whoever asked.
    pub next: String,
    /// The engine that it is about, if the node names it apart from the detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The entry of that engine's state, if its code named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Problem {
    /// The problem that tells of `refusal` at the path `instance`.
    pub fn new(refusal: Refusal, instance: String) -> Self {
        let title = axum::http::StatusCode::from_u16(refusal.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Refused");
        let Explained {
            code,
            detail,
            next,
            engine,
            key,
        } = *refusal.why;
        Self {
            kind: format!("urn:refit:problem:{code}"),
            title: title.to_owned(),
            status: refusal.status,
            detail,
            instance,
            code,
            next,
            engine,
            key,
        }
    }
}
