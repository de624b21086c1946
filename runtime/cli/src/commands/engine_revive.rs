//! `refit engine revive ENGINE`: a poisoned engine goes on with its last good state, with an entry in a block.

use super::engine_order;
use crate::args::EngineOrderArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use crate::units::shown_bytes;
use refit_admin::api::EngineRevived;

pub(crate) async fn run(client: &Client, args: &EngineOrderArgs) -> Result<(), Failure> {
    engine_order::run(client, args, "revive", text).await
}

fn text(revived: EngineRevived) -> String {
    let EngineRevived {
        engine,
        height,
        poisoned_at,
        state_bytes,
    } = revived;
    let engine = show::safe::line(&engine);
    let with = match (poisoned_at, state_bytes) {
        (Some(at), Some(bytes)) => format!(
            " with its state before the message of block {at} that poisoned it ({})",
            shown_bytes(bytes)
        ),
        _ => String::new(),
    };
    format!("{engine} goes on with block {height}{with}\n")
}
