//! Parameters: what holds, and other values in.

use super::App;
use super::json::{carried_out, json};
use super::ordered_by;
use crate::api::ParameterChange;
use crate::pass::For;
use crate::seat::Seat;
use crate::{Refusal, body};
use axum::extract::{Request, State};
use axum::response::Response;
use refit_abi::codes;

pub(super) async fn show(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let look = async { Ok::<_, Refusal>(app.node.parameters()) };
    let report = app.places.pass(asking, look).await?;
    json(&app, &report)
}

pub(super) async fn set(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let by = ordered_by(&app, request.headers())?;
    let seat = Seat::of(&request);
    let text = body::json(request, app.message()).await?;
    let change: ParameterChange = serde_json::from_slice(&text).map_err(|error| {
        let next = "send, for example, {\"set\":{\"block.messages\":100000}}; GET /v1/parameters lists the names";
        Refusal::new(400, codes::INVALID_PARAMETERS, error.to_string(), next)
    })?;
    let set = app.node.set_parameters(change, by);
    let set = app.places.pass(For::Order.on(&seat), set).await?;
    carried_out(&app, &set)
}
