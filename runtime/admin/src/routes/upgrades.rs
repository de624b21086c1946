//! Upgrades: a plan in, reports out.

use super::App;
use super::blocking::ask;
use crate::api::{RehearsalReport, UpgradeReport};
use crate::{Refusal, Wishes, body};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

pub(super) async fn apply(
    State(app): State<App>,
    wishes: Result<Query<Wishes>, QueryRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let Query(wishes) = wishes.map_err(|rejection| {
        let next = "ask with ?max_pause_us=NUMBER, or without";
        Refusal::new(400, "invalid-query", rejection.body_text(), next)
    })?;
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
