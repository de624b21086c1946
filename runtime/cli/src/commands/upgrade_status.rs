//! `refit upgrade status [ID]`

use crate::args::UpgradeStatusArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::{UpgradeReport, UpgradeState};

pub(super) async fn run(client: &Client, args: &UpgradeStatusArgs) -> Result<(), Failure> {
    let Some(report) = find(client, args.id).await? else {
        if args.output.json {
            show::json(&None::<UpgradeReport>)?;
        }
        show::talk("there was no upgrade yet");
        show::next("refit upgrade plan KIND=PATH --out plan.json");
        return Ok(());
    };
    if args.output.json {
        show::json(&report)?;
    } else {
        show::data(&show::upgrade::text(&report))?;
    }
    next(&report);
    Ok(())
}

async fn find(client: &Client, id: Option<u64>) -> Result<Option<UpgradeReport>, Failure> {
    match id {
        Some(id) => client.get(&format!("/v1/upgrades/{id}")).await.map(Some),
        None => {
            let mut reports: Vec<UpgradeReport> = client.get("/v1/upgrades").await?;
            Ok(reports.pop())
        }
    }
}

fn next(report: &UpgradeReport) {
    match (report.state, &report.reason) {
        (UpgradeState::Committed, _) => show::next("refit status"),
        (_, Some(reason)) => show::next(&reason.next),
        (_, None) => show::next(format_args!("refit upgrade status {}", report.id)),
    }
}
