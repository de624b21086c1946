//! `refit upgrade rehearse PLAN`: has the node rehearse a plan again, on the states of now, and applies nothing.

use super::rehearse;
use super::upgrade_apply::read_plan;
use crate::args::RehearseArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;

pub(crate) async fn run(client: &Client, args: RehearseArgs) -> Result<(), Failure> {
    let plan = read_plan(&args.plan)?;
    let report = rehearse::of(client, plan, args.max_pause).await?;
    match args.output.json {
        true => show::json(&report)?,
        false => show::data(rehearse::text(&report).trim_start())?,
    }
    match args.plan.as_os_str() == "-" {
        // It has been read, and is not there a second time.
        true => show::next("refit upgrade apply - < PLAN"),
        false => show::next(format_args!("refit upgrade apply {}", args.plan.display())),
    }
    Ok(())
}
