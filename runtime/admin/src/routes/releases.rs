//! The code that a node keeps, and releases on their way into it.

use super::App;
use super::blocking::{ask, ask_within};
use super::json::json;
use crate::api::{Imported, OfferedRelease, ReleaseBuild, ReleasesPruned};
use crate::body::{self, BYTES, check_media};
use crate::limits::IMPORT_WAIT;
use crate::pass::For;
use crate::seat::Seat;
use crate::streamed::{Bounds, Pumped, Streamed, pump};
use crate::{Node, Refusal};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use refit_abi::codes;

/// Digits of a release's id.
const ID_DIGITS: usize = 64;

pub(super) async fn list(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let releases = ask(&app, asking, |node| node.releases()).await??;
    json(&app, &releases)
}

/// Takes a release in while it comes: it may be far larger than what the node holds in memory.
pub(super) async fn import(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Imported>, Refusal> {
    let seat = Seat::of(&request);
    check_media(request.headers(), BYTES)?;
    let (streamed, pieces) = Streamed::new();
    let import = move |node: &dyn Node| node.import(Box::new(streamed));
    let asked = ask_within(&app, For::File.on(&seat), IMPORT_WAIT, import);
    let bounds = Bounds {
        // The node says how large a release may be, and stops to read.
        bytes_max: u64::MAX,
        wait: app.limits.body_wait + app.limits.look_wait,
    };
    // What the node does not want to read is thrown away, so that the client is done sending when the answer comes.
    let (imported, pumped) = tokio::join!(asked, pump(request.into_body(), pieces, bounds));
    match pumped {
        Pumped::Whole => seat.take_body(),
        _ => seat.linger(),
    }
    Ok(Json(imported??))
}

pub(super) async fn one(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<OfferedRelease>, Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    let asking = For::Order.on(&seat);
    let offered = ask(&app, asking, move |node| node.offered(&id)).await??;
    Ok(Json(offered))
}

/// Begins a build, or says how far it is.
pub(super) async fn begin_build(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<ReleaseBuild>, Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    body::none(request, app.message()).await?;
    let asking = For::Order.on(&seat);
    let build = ask(&app, asking, move |node| node.build_release(&id)).await??;
    Ok(Json(build))
}

/// How far a build is.
pub(super) async fn build(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<ReleaseBuild>, Refusal> {
    let id = id(path)?;
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let build = ask(&app, asking, move |node| node.release_build(&id)).await??;
    Ok(Json(build))
}

pub(super) async fn prune(
    State(app): State<App>,
    request: Request,
) -> Result<Json<ReleasesPruned>, Refusal> {
    let seat = Seat::of(&request);
    body::none(request, app.message()).await?;
    let pruned = ask(&app, For::Order.on(&seat), |node| node.prune_releases()).await??;
    Ok(Json(pruned))
}

/// The id in a path.
fn id(path: Result<Path<String>, PathRejection>) -> Result<String, Refusal> {
    let next = "see them with `refit release list`";
    let refuse = |detail| Refusal::new(400, codes::RELEASE_UNKNOWN, detail, next);
    let Path(id) = path.map_err(|rejection| refuse(rejection.body_text()))?;
    let digits = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits && id.len() == ID_DIGITS {
        true => Ok(id.to_ascii_lowercase()),
        false => Err(refuse(format!(
            "a release is named by its {ID_DIGITS} hexadecimal digits"
        ))),
    }
}
