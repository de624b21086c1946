//! `refit upgrade cancel ID`: takes back an upgrade whose gate has not closed.

use crate::args::CancelArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::UpgradeReport;

pub(crate) async fn run(client: &Client, args: &CancelArgs) -> Result<(), Failure> {
    let id = args.id;
    let answer = client.delete(&format!("/v1/upgrades/{id}")).await?;
    let report: UpgradeReport = client.decode(&answer)?;
    if args.output.json {
        show::json(&report)?;
    } else {
        show::data(&show::upgrade::text(&report))?;
    }
    if !report.state.is_final() {
        show::talk(format_args!(
            "upgrade {id} is taken back, and still comes to its end"
        ));
        show::next(format_args!("refit upgrade status {id}"));
        return Ok(());
    }
    show::talk(format_args!(
        "upgrade {id} does not happen, generation {} goes on",
        report.from
    ));
    show::next("refit upgrade plan KIND=PATH --out plan.json");
    Ok(())
}
