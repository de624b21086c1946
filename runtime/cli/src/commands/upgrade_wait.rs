//! `refit upgrade wait [ID]`: waits for an upgrade's end, and exits as `apply` does.

use super::upgrade_end;
use super::upgrade_follow::Following;
use super::upgrade_status::find;
use crate::args::UpgradeWaitArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::UpgradeReport;

pub(crate) async fn run(client: &Client, args: &UpgradeWaitArgs) -> Result<(), Failure> {
    let Some(known) = find(client, args.id).await? else {
        if args.output.json {
            show::json(&None::<UpgradeReport>)?;
        }
        show::talk("there was no upgrade yet");
        return Ok(());
    };
    let following = Following {
        client,
        id: known.id,
        wait_max: args.timeout,
        shows_phases: false,
    };
    let report = following.to_end().await?;
    if args.output.json {
        show::json(&report)?;
    } else {
        show::data(&format!("upgrade {} is {}\n", report.id, report.state))?;
    }
    upgrade_end::check(report)?;
    Ok(())
}
