//! Asks the node what may block, away from the threads that serve connections.

use super::App;
use crate::pass::Asking;
use crate::{Node, Refusal};
use refit_abi::codes;
use std::time::Duration;

/// The result of `look`, made on a thread that may block, for a request that has a place.
pub(super) async fn ask<T: Send + 'static>(
    app: &App,
    request: Asking<'_>,
    look: impl FnOnce(&dyn Node) -> T + Send + 'static,
) -> Result<T, Refusal> {
    ask_within(app, request, app.limits.request_wait, look).await
}

/// As [`ask`], with another longest time.
pub(super) async fn ask_within<T: Send + 'static>(
    app: &App,
    request: Asking<'_>,
    wait: Duration,
    look: impl FnOnce(&dyn Node) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let node = app.node.clone();
    let looked = async move {
        let looked = tokio::task::spawn_blocking(move || look(&*node)).await;
        looked.map_err(|error| {
            let detail = format!("cannot look into the node: {error}");
            Refusal::new(500, codes::INTERNAL, detail, "see the log of the node")
        })
    };
    app.places.pass_within(request, wait, looked).await
}
