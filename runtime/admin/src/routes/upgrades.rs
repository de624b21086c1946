//! Upgrades: a plan in, reports out.

use super::App;
use super::blocking::ask;
use super::json::json;
use super::ordered_by;
use crate::api::{
    ProbationStatus, RehearsalReport, RollBackAccepted, RollBackReport, UpgradeReport,
};
use crate::origin::HEADER_REPEATED;
use crate::pass::For;
use crate::seat::Seat;
use crate::{ApplyOptions, Refusal, body};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use refit_abi::codes;

/// The header with the longest pause that is acceptable, in microseconds.
pub const HEADER_MAX_PAUSE: &str = "refit-max-pause-us";

/// The header that says `off` if the upgrade is not to be rehearsed.
pub const HEADER_REHEARSAL: &str = "refit-rehearsal";

/// The header with the longest time for the rehearsal, in microseconds.
pub const HEADER_REHEARSAL_WAIT: &str = "refit-rehearsal-wait-us";

fn wishes(headers: &HeaderMap) -> Result<ApplyOptions, Refusal> {
    Ok(ApplyOptions {
        max_pause_us: micros(headers, HEADER_MAX_PAUSE, codes::INVALID_MAX_PAUSE)?,
        no_rehearsal: no_rehearsal(headers)?,
        rehearsal_wait_us: micros(
            headers,
            HEADER_REHEARSAL_WAIT,
            codes::INVALID_REHEARSAL_WAIT,
        )?,
    })
}

/// The number in a header, if it is there.
fn micros(headers: &HeaderMap, name: &str, code: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        let detail = format!("`{name}` is not a number of microseconds");
        let next = "give a number, such as 5000, or leave it out";
        Refusal::new(400, code, detail, next)
    })
}

fn no_rehearsal(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(HEADER_REHEARSAL).map(HeaderValue::as_bytes) {
        None => Ok(false),
        Some(b"off") => Ok(true),
        Some(_) => {
            let detail = format!("`{HEADER_REHEARSAL}` has a value that is not `off`");
            let next = "say `off`, or leave it out: an upgrade is rehearsed if the node rehearses";
            Err(Refusal::new(400, codes::INVALID_REHEARSAL, detail, next))
        }
    }
}

pub(super) async fn apply(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let wishes = wishes(request.headers())?;
    let by = ordered_by(&app, request.headers())?;
    let seat = Seat::of(&request);
    let plan = body::json(request, app.plan()).await?;
    let apply = app.node.apply(plan, by, wishes);
    let accepted = app.places.pass(For::Order.on(&seat), apply).await?;
    let location = [(LOCATION, format!("/v1/upgrades/{}", accepted.id))];
    let mut response = (StatusCode::ACCEPTED, location, Json(accepted)).into_response();
    if accepted.repeated {
        let headers = response.headers_mut();
        headers.insert(HEADER_REPEATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(super) async fn rehearse(
    State(app): State<App>,
    request: Request,
) -> Result<Json<RehearsalReport>, Refusal> {
    let seat = Seat::of(&request);
    let plan = body::json(request, app.plan()).await?;
    let rehearse = app.node.rehearse(plan);
    let report = app.places.pass(For::Order.on(&seat), rehearse).await?;
    Ok(Json(report))
}

pub(super) async fn one(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<UpgradeReport>, Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let report = ask(&app, asking, move |node| node.upgrade(id)).await?;
    report.map(Json).ok_or_else(|| unknown(id))
}

/// All that is kept of an upgrade.
pub(super) async fn record(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let record = ask(&app, asking, move |node| node.upgrade_record(id)).await?;
    json(&app, &record.ok_or_else(|| unknown(id))?)
}

/// Answers with the report: 200 if the upgrade has ended, 202 if it has not yet.
pub(super) async fn cancel(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<(StatusCode, Json<UpgradeReport>), Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    let asking = For::Order.on(&seat);
    let report = ask(&app, asking, move |node| node.cancel_upgrade(id)).await??;
    let report = report.ok_or_else(|| unknown(id))?;
    let status = match report.state.is_final() {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    Ok((status, Json(report)))
}

pub(super) async fn confirm(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<ProbationStatus>, Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    body::none(request, app.message()).await?;
    let asking = For::Order.on(&seat);
    let confirmed = ask(&app, asking, move |node| node.confirm_upgrade(id)).await??;
    Ok(Json(confirmed))
}

/// Answers once it is decided; the node ends its connections then, and starts again.
pub(super) async fn roll_back(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<(StatusCode, Json<RollBackAccepted>), Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    body::none(request, app.message()).await?;
    let asking = For::Order.on(&seat);
    let accepted = ask(&app, asking, move |node| node.roll_back(id)).await??;
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// Answers with what it would come to.
pub(super) async fn check_roll_back(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<RollBackReport>, Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    body::none(request, app.message()).await?;
    let asking = For::Order.on(&seat);
    let report = ask(&app, asking, move |node| node.check_roll_back(id)).await??;
    Ok(Json(report))
}

/// The known upgrades, as a next step.
const KNOWN: &str = "see the known upgrades with `refit upgrade history`";

/// The number in a path.
fn id(path: Result<Path<String>, PathRejection>) -> Result<u64, Refusal> {
    let refuse = |detail| Refusal::new(400, codes::INVALID_UPGRADE_ID, detail, KNOWN);
    let Path(text) = path.map_err(|rejection| refuse(rejection.body_text()))?;
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let id = text.parse().ok().filter(|_| digits);
    id.ok_or_else(|| refuse(format!("`{text}` is not the number of an upgrade")))
}

fn unknown(id: u64) -> Refusal {
    let detail = format!("the node knows no upgrade {id}");
    Refusal::new(404, codes::UNKNOWN_UPGRADE, detail, KNOWN)
}

pub(super) async fn history(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let reports = ask(&app, asking, |node| node.upgrades()).await?;
    json(&app, &reports)
}
