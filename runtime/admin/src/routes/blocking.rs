//! Asks the node what may block, away from the threads that serve connections.

use super::App;
use crate::{Node, Refusal};

/// What `look` gives, made on a thread that may block.
pub(super) async fn ask<T: Send + 'static>(
    app: App,
    look: impl FnOnce(&dyn Node) -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(move || look(&*app.node))
        .await
        .map_err(|error| {
            let detail = format!("the node could not be looked at: {error}");
            Refusal::new(500, "internal", detail, "see the log of the node")
        })
}
