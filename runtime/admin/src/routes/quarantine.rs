//! Code that the node does not bring in again: the list, and its clearing.

use super::App;
use super::blocking::ask;
use super::json::json;
use crate::Refusal;
use crate::pass::For;
use crate::seat::Seat;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use refit_abi::codes;

/// Digits of an artifact's hash.
const ARTIFACT_DIGITS: usize = 64;

pub(super) async fn list(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let entries = ask(&app, asking, |node| node.quarantine()).await?;
    json(&app, &entries)
}

pub(super) async fn clear(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let next = "see the list with `refit upgrade quarantine`";
    let refuse = |detail| Refusal::new(400, codes::INVALID_ARTIFACT, detail, next);
    let Path(artifact) = path.map_err(|rejection| refuse(rejection.body_text()))?;
    let digits = artifact.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits || artifact.len() != ARTIFACT_DIGITS {
        return Err(refuse(format!(
            "an artifact is named by its {ARTIFACT_DIGITS} hexadecimal digits"
        )));
    }
    let named = artifact.clone();
    let seat = Seat::of(&request);
    let asking = For::Order.on(&seat);
    match ask(&app, asking, move |node| node.clear_quarantine(&named)).await?? {
        0 => {
            let detail = format!("no entry names {artifact}");
            Err(Refusal::new(404, codes::NOT_QUARANTINED, detail, next))
        }
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
