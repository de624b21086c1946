//! `refit engine restart ENGINE`: starts an engine afresh, with an entry in a block.

use crate::args::RestartArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::EngineRestarted;

pub(super) async fn run(client: &Client, args: &RestartArgs) -> Result<(), Failure> {
    let path = format!("/v1/engines/{}/restart", args.engine);
    let answer = client.post(&path, &[], String::new()).await?;
    let restarted: EngineRestarted = client.decode(&answer)?;
    if args.output.json {
        return show::json(&restarted);
    }
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
    show::data(&format!(
        "{engine} begins afresh with block {height}{was}; timers dropped: {timers_dropped}; engines that it had started go on\n"
    ))?;
    show::next("refit status");
    Ok(())
}
