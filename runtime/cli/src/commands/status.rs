//! `refit status`: how a node is, once or, with `--watch`, again and again until a signal ends the command.

use crate::args::StatusArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::Status;
use std::io::{self, IsTerminal};
use std::time::Duration;

/// Clears a terminal's screen and begins at its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub(crate) async fn run(client: &Client, args: &StatusArgs) -> Result<(), Failure> {
    match args.watch {
        Some(interval) => watch(client, args, interval).await,
        None => once(client, args).await,
    }
}

async fn once(client: &Client, args: &StatusArgs) -> Result<(), Failure> {
    let status: Status = client.get("/v1/status").await?;
    if args.output.json {
        show::json(&status)?;
    } else {
        show::data(&show::status::text(&status))?;
    }
    if status.stuck.is_some() {
        let pid = status.node.pid;
        show::next(format_args!(
            "kill {pid}   (once more later: the node ends at once)"
        ));
        return Ok(());
    }
    match status.upgrade {
        Some(id) => show::next(format_args!("refit upgrade status {id} --follow")),
        None => show::next("refit upgrade plan KIND=PATH --out plan.json"),
    }
    Ok(())
}

/// Shows the status each `interval`, until nobody reads it any more. A node that does not answer may be starting, so the
/// failure is shown in the place of the status.
async fn watch(client: &Client, args: &StatusArgs, interval: Duration) -> Result<(), Failure> {
    let is_terminal = io::stdout().is_terminal();
    loop {
        let looked = client.get::<Status>("/v1/status").await;
        let is_read = match looked {
            Ok(status) if args.output.json => show::flow_json(&status)?,
            Ok(status) if is_terminal => {
                show::flow(&format!("{CLEAR}{}", show::status::text(&status)))?
            }
            Ok(status) => show::flow(&format!("{}\n", show::status::text(&status)))?,
            Err(failure) => {
                show::talk(format_args!("{failure}"));
                true
            }
        };
        if !is_read {
            return Ok(());
        }
        tokio::time::sleep(interval).await;
    }
}
