//! Upgrades: a plan in, reports out.

use super::App;
use super::blocking::ask;
use crate::api::{RehearsalReport, UpgradeReport};
use crate::{Refusal, Wishes, body};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// The header with the longest pause that is acceptable, in microseconds.
pub const HEADER_MAX_PAUSE: &str = "refit-max-pause-us";

fn wishes(headers: &HeaderMap) -> Result<Wishes, Refusal> {
    let Some(value) = headers.get(HEADER_MAX_PAUSE) else {
        return Ok(Wishes::default());
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    let max_pause_us = number.ok_or_else(|| {
        let detail = format!("`{HEADER_MAX_PAUSE}` is not a number of microseconds");
        let next = "give a number, such as 5000, or leave it out";
        Refusal::new(400, "invalid-max-pause", detail, next)
    })?;
    Ok(Wishes {
        max_pause_us: Some(max_pause_us),
    })
}

pub(super) async fn apply(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let wishes = wishes(request.headers())?;
    let plan = body::json(request, app.limits.plan_bytes_max).await?;
    let accepted = app.node.apply(plan, wishes).await?;
    let location = [(LOCATION, format!("/v1/upgrades/{}", accepted.id))];
    Ok((StatusCode::ACCEPTED, location, Json(accepted)).into_response())
}

pub(super) async fn rehearse(
    State(app): State<App>,
    request: Request,
) -> Result<Json<RehearsalReport>, Refusal> {
    let plan = body::json(request, app.limits.plan_bytes_max).await?;
    app.node.rehearse(plan).await.map(Json)
}

pub(super) async fn one(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<UpgradeReport>, Refusal> {
    let next = "see the known upgrades with `refit upgrade history`";
    let refuse = |detail| Refusal::new(400, "invalid-upgrade-id", detail, next);
    let Path(text) = path.map_err(|rejection| refuse(rejection.body_text()))?;
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let id = text.parse().ok().filter(|_| digits);
    let id = id.ok_or_else(|| refuse(format!("`{text}` is not the number of an upgrade")))?;
    let unknown = || {
        let detail = format!("the node knows no upgrade {id}");
        Refusal::new(404, "unknown-upgrade", detail, next)
    };
    ask(app, move |node| node.upgrade(id))
        .await?
        .map(Json)
        .ok_or_else(unknown)
}

pub(super) async fn history(State(app): State<App>) -> Result<Json<Vec<UpgradeReport>>, Refusal> {
    ask(app, |node| node.upgrades()).await.map(Json)
}
