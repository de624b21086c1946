//! Health: `/livez` says that the process answers, `/readyz` that the node takes messages.

use super::App;
use crate::Refusal;
use axum::extract::State;

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, Refusal> {
    app.node.ready().map(|()| "ready\n")
}
