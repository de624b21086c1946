//! Whose signatures make a release for this node: `GET` and `POST /v1/keyset`.

use super::App;
use super::blocking::ask;
use crate::Refusal;
use crate::api::KeysetInForce;
use crate::body::{BYTES, Bounds, check_media, raw};
use crate::limits::KEYSET_BYTES_MAX;
use crate::pass::For;
use crate::seat::Seat;
use axum::Json;
use axum::extract::{Request, State};

pub(super) async fn show(
    State(app): State<App>,
    request: Request,
) -> Result<Json<KeysetInForce>, Refusal> {
    let seat = Seat::of(&request);
    let keyset = ask(&app, For::Look.on(&seat), |node| node.keyset()).await??;
    Ok(Json(keyset))
}

pub(super) async fn install(
    State(app): State<App>,
    request: Request,
) -> Result<Json<KeysetInForce>, Refusal> {
    let seat = Seat::of(&request);
    check_media(request.headers(), BYTES)?;
    let bounds = Bounds {
        bytes_max: KEYSET_BYTES_MAX,
        ..app.message()
    };
    let bytes = raw(request, bounds).await?;
    let install = move |node: &dyn crate::Node| node.install_keyset(&bytes);
    let keyset = ask(&app, For::Order.on(&seat), install).await??;
    Ok(Json(keyset))
}
