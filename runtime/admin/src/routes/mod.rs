//! The routes: paths and methods.

mod batch;
mod blocking;
mod code;
mod engines;
mod events;
mod health;
mod json;
mod keyset;
mod parameters;
mod quarantine;
mod releases;
mod snapshots;
mod status;
mod upgrades;

pub use events::HEADER_LAST_EVENT;
use events::Readers;
use refit_abi::codes;
pub use upgrades::{HEADER_MAX_PAUSE, HEADER_REHEARSAL, HEADER_REHEARSAL_WAIT};

pub use batch::BATCH_CONTENT_TYPE;
pub use engines::HEADER_KEY;
pub(crate) use engines::Straight;

use crate::batch::Ahead;
use crate::body::Bounds;
use crate::pass::Places;
use crate::seat::Seat;
use crate::{Entrance, Limits, Node, OrderedBy, Refusal, Room, Share};
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::{delete, get, post};
use std::sync::Arc;
use tokio::sync::watch;

const ROUTES_NEXT: &str = "ask for /v1/status, /v1/messages, /v1/upgrades, /v1/upgrades/rehearse, /v1/code, /v1/releases, /v1/releases/ID, /v1/releases/ID/build, /v1/keyset, /v1/quarantine, /v1/engines/ID/messages, \
     /v1/engines/ID/queries, /v1/engines/ID/state, /v1/engines/ID/restart or /v1/engines/ID/revive, /v1/parameters, /v1/snapshot, /v1/events, /livez, /readyz or /metrics";

/// A node, and by which way clients come to it.
pub(crate) struct Served {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) share: Share,
}

/// The state that every handler shares.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) node: Arc<dyn Node>,
    /// By which way clients come in here.
    pub(crate) share: Share,
    pub(crate) limits: Limits,
    pub(crate) readers: Readers,
    pub(crate) places: Places,
    /// The lines that batches may have ahead of their answers.
    pub(crate) ahead: Ahead,
    /// For large bodies.
    pub(crate) bodies: Room,
    /// True when the listener ends.
    pub(crate) ending: watch::Receiver<bool>,
}

impl App {
    /// The entrance of a connection's requests.
    fn entrance(&self, seat: &Seat) -> Entrance {
        Entrance {
            share: self.share,
            connection: seat.number(),
        }
    }

    /// The bounds of a message's or a query's body.
    fn message(&self) -> Bounds<'_> {
        Bounds {
            room: &self.bodies,
            bytes_max: self.limits.message_bytes_max,
            wait: self.limits.body_wait,
        }
    }

    /// The bounds of a plan's body.
    fn plan(&self) -> Bounds<'_> {
        Bounds {
            room: &self.bodies,
            bytes_max: self.limits.plan_bytes_max,
            wait: self.limits.body_wait,
        }
    }
}

impl App {
    /// The state of a listener that serves `node`, through which clients come in by that way.
    pub(crate) fn new(served: Served, limits: Limits, ending: watch::Receiver<bool>) -> Self {
        let Served { node, share } = served;
        let places = Places::new(&limits);
        Self {
            node,
            share,
            limits,
            readers: Readers::new(ending.clone()),
            places,
            ahead: Ahead::new(),
            bodies: Room::new(limits.bodies_bytes_max),
            ending,
        }
    }
}

/// By which way an order comes in, and under which key.
fn ordered_by(app: &App, headers: &HeaderMap) -> Result<OrderedBy, Refusal> {
    let (share, request) = (app.share, engines::request_id(headers)?);
    Ok(OrderedBy { share, request })
}

/// The routes of a listener for probes.
pub(crate) fn probes(app: App) -> Router {
    with_app(health_routes().fallback(unknown_probe), app)
}

/// All routes.
pub(crate) fn all(app: App) -> Router {
    let router = health_routes()
        .route(batch::PATH, post(batch::send))
        .route("/v1/engines/{id}/messages", post(engines::send))
        .route("/v1/engines/{id}/queries", post(engines::query))
        .route("/v1/engines/{id}/state", get(engines::state))
        .route("/v1/engines/{id}/restart", post(engines::restart))
        .route("/v1/engines/{id}/revive", post(engines::revive))
        .route(
            "/v1/parameters",
            get(parameters::show).post(parameters::set),
        )
        .route("/v1/snapshot", post(snapshots::create))
        .route("/v1/status", get(status::status))
        .route("/v1/upgrades", get(upgrades::history).post(upgrades::apply))
        .route("/v1/upgrades/rehearse", post(upgrades::rehearse))
        .route("/v1/code", post(code::offer))
        .route("/v1/releases", get(releases::list).post(releases::import))
        .route("/v1/releases/prune", post(releases::prune))
        .route("/v1/releases/{id}", get(releases::one))
        .route(
            "/v1/releases/{id}/build",
            get(releases::build).post(releases::begin_build),
        )
        .route("/v1/keyset", get(keyset::show).post(keyset::install))
        .route("/v1/upgrades/{id}/record", get(upgrades::record))
        .route("/v1/upgrades/{id}/confirm", post(upgrades::confirm))
        .route("/v1/upgrades/{id}/rollback", post(upgrades::roll_back))
        .route(
            "/v1/upgrades/{id}/rollback/check",
            post(upgrades::check_roll_back),
        )
        .route(
            "/v1/upgrades/{id}",
            get(upgrades::one).delete(upgrades::cancel),
        )
        .route("/v1/events", get(events::events))
        .route("/v1/quarantine", get(quarantine::list))
        .route("/v1/quarantine/{artifact}", delete(quarantine::clear))
        .fallback(unknown_route);
    with_app(router, app)
}

fn health_routes() -> Router<App> {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(status::metrics))
}

fn with_app(router: Router<App>, app: App) -> Router {
    let router = router.method_not_allowed_fallback(unknown_method);
    router.with_state(app)
}

async fn unknown_route(request: Request) -> Refusal {
    let detail = format!("there is nothing at `{}`", request.uri().path());
    Refusal::new(404, codes::UNKNOWN_ROUTE, detail, ROUTES_NEXT)
}

async fn unknown_probe(request: Request) -> Refusal {
    let detail = format!("there is nothing for probes at `{}`", request.uri().path());
    let next =
        "ask for /livez, /readyz or /metrics; the rest is where the node listens for clients";
    Refusal::new(404, codes::UNKNOWN_ROUTE, detail, next)
}

async fn unknown_method(request: Request) -> Refusal {
    let detail = format!(
        "`{}` does not take {}",
        request.uri().path(),
        request.method()
    );
    Refusal::new(
        405,
        codes::METHOD_NOT_ALLOWED,
        detail,
        "use a method that the header `Allow` names",
    )
}
