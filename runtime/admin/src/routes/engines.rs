//! Messages and queries: JSON in, the engine's JSON out, with where in history it happened.

use super::App;
use super::blocking::ask;
use super::json::{json, unwritten};
use crate::fixture_body::FixtureBody;
use crate::pass::For;
use crate::seats::Seat;
use crate::{Moment, Refusal, Replied, RequestId, body, origin};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use refit_abi::EngineId;
use refit_abi::fixture::FIXTURE_STATE_BYTES_MAX;

/// Request header: `CLIENT/SEQUENCE`, under which a message is executed once.
pub const HEADER_KEY: &str = "idempotency-key";

type EnginePath = Result<Path<String>, PathRejection>;

pub(super) async fn send(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let engine = engine_id(path)?;
    let id = request_id(request.headers())?;
    let seat = Seat::of(&request);
    let body = body::json(request, app.message()).await?;
    let send = app.node.send(engine, id, body);
    let replied = app.places.pass((For::Work, &seat), send).await?;
    Ok(response(replied))
}

pub(super) async fn query(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let engine = engine_id(path)?;
    let seat = Seat::of(&request);
    let body = body::json(request, app.message()).await?;
    let query = app.node.query(engine, body);
    let answered = app.places.pass((For::Work, &seat), query).await?;
    Ok(response(answered))
}

pub(super) async fn restart(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let engine = engine_id(path)?;
    let seat = Seat::of(&request);
    let restart = app.node.restart(engine);
    let restarted = app.places.pass((For::Order, &seat), restart).await?;
    json(&app, &restarted)
}

pub(super) async fn state(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let engine = engine_id(path)?;
    let purpose = (For::Work, &*Seat::of(&request));
    let mut part = app.node.answers().take(FIXTURE_STATE_BYTES_MAX)?;
    let (fixture, generation) = ask(&app, purpose, move |node| node.state(engine)).await??;
    part.shrink_to(fixture.state.len());
    let moment = Moment {
        height: fixture.height,
        generation,
    };
    let body = FixtureBody::new(fixture, part).map_err(unwritten)?;
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    origin::say(headers, moment, false);
    Ok(response)
}

fn engine_id(path: EnginePath) -> Result<EngineId, Refusal> {
    let refuse = |detail| {
        let next = "see the engines' ids with `refit status`";
        Refusal::new(400, "invalid-engine-id", detail, next)
    };
    let Path(text) = path.map_err(|rejection| refuse(rejection.body_text()))?;
    text.parse()
        .map_err(|error: refit_abi::EngineIdError| refuse(error.to_string()))
}

pub(super) fn request_id(headers: &HeaderMap) -> Result<Option<RequestId>, Refusal> {
    let refuse = |detail| {
        let next = "send `Idempotency-Key: CLIENT/SEQUENCE`, such as `ada/17`, or leave it out";
        Refusal::new(400, "invalid-idempotency-key", detail, next)
    };
    let mut values = headers.get_all(HEADER_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(refuse(
            "the header `Idempotency-Key` is there twice".to_owned(),
        ));
    }
    let text = value.to_str().map_err(|error| refuse(error.to_string()))?;
    text.parse()
        .map(Some)
        .map_err(|error: crate::RequestIdError| refuse(error.to_string()))
}

fn response(replied: Replied) -> Response {
    let moment = replied.moment();
    let mut response = replied.body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    origin::say(headers, moment, replied.repeated);
    response
}
