//! The code that a node keeps.

use super::App;
use super::blocking::ask;
use super::json::json;
use crate::Refusal;
use crate::pass::For;
use crate::seat::Seat;
use axum::extract::{Request, State};
use axum::response::Response;

pub(super) async fn list(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let seat = Seat::of(&request);
    let asking = For::Look.on(&seat);
    let releases = ask(&app, asking, |node| node.releases()).await??;
    json(&app, &releases)
}
