//! `refit upgrade history`

use crate::args::OutputArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::UpgradeReport;

pub(crate) async fn run(client: &Client, args: &OutputArgs) -> Result<(), Failure> {
    let reports: Vec<UpgradeReport> = client.get("/v1/upgrades").await?;
    if args.json {
        show::json(&reports)?;
    } else if reports.is_empty() {
        show::talk("there was no upgrade yet");
    } else {
        show::data(&show::upgrade::history(&reports))?;
    }
    match reports.last() {
        Some(last) => show::next(format_args!("refit upgrade status {}", last.id)),
        None => show::next("refit upgrade plan KIND=PATH --out plan.json"),
    }
    Ok(())
}
