//! Messages and queries: JSON in, the engine's JSON out, with where in history it happened.

use super::App;
use super::blocking::{ask, ask_within};
use super::json::{carried_out, unwritten};
use super::ordered_by;
use crate::body::{self, Arriving};
use crate::fixture_body::FixtureBody;
use crate::limits::REVIVE_WAIT;
use crate::pass::For;
use crate::seat::Seat;
use crate::{
    Bytes, CapturedState, LastGood, Moment, Node, OrderedBy, Refusal, Replied, RequestId, origin,
};
use axum::body::{Body, HttpBody};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::fixture::FIXTURE_STATE_BYTES_MAX;
use std::fmt;
use std::sync::Arc;

/// Request header: `CLIENT/SEQUENCE`, under which a message or an order is executed once.
pub const HEADER_KEY: &str = "idempotency-key";

type EnginePath = Result<Path<String>, PathRejection>;

/// A message or a query for one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Straight {
    engine: EngineId,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Message,
    Query,
}

impl Straight {
    /// The request, if it is one of these and its path is written plainly; else the router reads it.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        let (engine, what) = path.strip_prefix("/v1/engines/")?.split_once('/')?;
        let what = match what {
            "messages" => What::Message,
            "queries" => What::Query,
            _ => return None,
        };
        let engine = engine.parse().ok().filter(|_| method == Method::POST)?;
        Some(Self { engine, what })
    }

    /// Has the engine asked.
    pub(crate) async fn run<B>(
        self,
        app: &App,
        seat: &Seat,
        arriving: Arriving<'_, B>,
    ) -> Result<Replied, Refusal>
    where
        B: HttpBody<Data = Bytes, Error: fmt::Display> + Unpin,
    {
        let Self { engine, what } = self;
        let id = match what {
            What::Message => request_id(arriving.headers)?,
            What::Query => None,
        };
        let body = body::text(seat, arriving, app.message()).await?;
        let asked = match what {
            What::Message => app.node.send(engine, app.entrance(seat), id, body),
            What::Query => app.node.query(engine, body),
        };
        app.places.pass(For::Work.on(seat), asked).await
    }
}

pub(super) async fn send(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    asked(&app, What::Message, path, request).await
}

pub(super) async fn query(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    asked(&app, What::Query, path, request).await
}

/// The requests that the router reads: paths with escapes, and ids that are none.
async fn asked(
    app: &App,
    what: What,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let engine = engine_id(path)?;
    let seat = Seat::of(&request);
    let (head, body) = request.into_parts();
    let straight = Straight { engine, what };
    let headers = &head.headers;
    let arriving = Arriving { headers, body };
    let replied = straight.run(app, &seat, arriving).await?;
    Ok(response(replied))
}

/// What an operator orders for one engine; it has no body.
struct OrderFor {
    engine: EngineId,
    by: OrderedBy,
    seat: Arc<Seat>,
}

impl OrderFor {
    async fn read(app: &App, path: EnginePath, request: Request) -> Result<Self, Refusal> {
        let engine = engine_id(path)?;
        let by = ordered_by(app, request.headers())?;
        let seat = Seat::of(&request);
        body::none(request, app.message()).await?;
        Ok(Self { engine, by, seat })
    }
}

pub(super) async fn restart(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let OrderFor { engine, by, seat } = OrderFor::read(&app, path, request).await?;
    let restart = app.node.restart(engine, by);
    let restarted = app.places.pass(For::Order.on(&seat), restart).await?;
    carried_out(&app, &restarted)
}

pub(super) async fn revive(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let OrderFor { engine, by, seat } = OrderFor::read(&app, path, request).await?;
    let asked = by.clone();
    let find = move |node: &dyn Node| node.last_good(engine, &asked);
    let found = ask_within(&app, For::Order.on(&seat), REVIVE_WAIT, find).await??;
    let revived = match found {
        LastGood::Done(done) => done,
        LastGood::State(state) => {
            let revive = app.node.revive(engine, state, by);
            app.places.pass(For::Order.on(&seat), revive).await?
        }
    };
    carried_out(&app, &revived)
}

pub(super) async fn state(
    State(app): State<App>,
    path: EnginePath,
    request: Request,
) -> Result<Response, Refusal> {
    let engine = engine_id(path)?;
    let seat = Seat::of(&request);
    let asking = For::Work.on(&seat);
    let mut part = app.node.answers().take(FIXTURE_STATE_BYTES_MAX)?;
    let captured = ask(&app, asking, move |node| node.state(engine)).await??;
    let CapturedState {
        fixture,
        generation,
    } = captured;
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
        Refusal::new(400, codes::INVALID_ENGINE_ID, detail, next)
    };
    let Path(text) = path.map_err(|rejection| refuse(rejection.body_text()))?;
    text.parse()
        .map_err(|error: refit_abi::EngineIdError| refuse(error.to_string()))
}

pub(super) fn request_id(headers: &HeaderMap) -> Result<Option<RequestId>, Refusal> {
    let refuse = |detail| {
        let next = "send `Idempotency-Key: CLIENT/SEQUENCE`, such as `ada/17`, or leave it out";
        Refusal::new(400, codes::INVALID_IDEMPOTENCY_KEY, detail, next)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_plainly_goes_straight() {
        let of = |method: Method, path: &str| {
            let straight = Straight::of(&method, path);
            straight.map(|straight| (straight.engine.to_string(), straight.what))
        };
        let kv = |what| Some(("kv".to_owned(), what));
        let engine = "/v1/engines/kv";
        assert_eq!(
            of(Method::POST, &format!("{engine}/messages")),
            kv(What::Message)
        );
        assert_eq!(
            of(Method::POST, &format!("{engine}/queries")),
            kv(What::Query)
        );
        assert_eq!(of(Method::GET, &format!("{engine}/messages")), None);
        for path in ["/state", "/messages/", "/messages/queries", "", "/"] {
            assert_eq!(of(Method::POST, &format!("{engine}{path}")), None, "{path}");
        }
        for path in [
            "/v1/engines/k%76/messages",
            "/v1/engines/KV!/messages",
            "/v1/messages",
        ] {
            assert_eq!(of(Method::POST, path), None, "{path}");
        }
    }
}
