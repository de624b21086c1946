//! `refit engine restart ENGINE`: starts an engine afresh, with an entry in a block.

use super::send::key_header;
use crate::args::RestartArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::HEADER_REPEATED;
use refit_admin::api::EngineRestarted;

pub(crate) async fn run(client: &Client, args: &RestartArgs) -> Result<(), Failure> {
    let path = format!("/v1/engines/{}/restart", args.engine);
    let headers = key_header(args.key.as_ref());
    let answer = client.post(&path, &headers, String::new()).await?;
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
    let engine = show::safe::line(&engine);
    show::data(&format!(
        "{engine} begins afresh with block {height}{was}; timers dropped: {timers_dropped}; any engines that it had started go on\n"
    ))?;
    if answer.header(HEADER_REPEATED).is_some() {
        show::talk("this was done before under its key, and is not done again");
    }
    show::next("refit status");
    Ok(())
}
