//! `refit engine restart ENGINE`: starts an engine afresh, with an entry in a block.

use super::engine_order;
use crate::args::EngineOrderArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::EngineRestarted;

pub(crate) async fn run(client: &Client, args: &EngineOrderArgs) -> Result<(), Failure> {
    engine_order::run(client, args, "restart", text).await
}

fn text(restarted: EngineRestarted) -> String {
    let EngineRestarted {
        engine,
        height,
        was_poisoned,
        timers_dropped,
    } = restarted;
    let was = match was_poisoned {
        true => " and was poisoned before",
        false => "",
    };
    let engine = show::safe::line(&engine);
    format!(
        "{engine} begins afresh with block {height}{was}; timers dropped: {timers_dropped}; any engines that it had started go on\n"
    )
}
