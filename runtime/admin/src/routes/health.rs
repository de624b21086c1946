//! Health: `/livez` says that the process should be left alone, `/readyz` that the node takes messages.

use super::App;
use crate::Refusal;
use axum::extract::State;

pub(super) async fn live(State(app): State<App>) -> Result<&'static str, Refusal> {
    app.node.live().map(|()| "ok\n")
}

pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, Refusal> {
    app.node.ready().map(|()| "ready\n")
}
