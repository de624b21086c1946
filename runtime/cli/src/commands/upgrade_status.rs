//! `refit upgrade status [ID]`: one upgrade as it is now, or, with `--follow`, once it has ended.

use super::upgrade_follow::Following;
use crate::args::UpgradeStatusArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::{UpgradeReport, UpgradeState};
use std::time::Duration;

/// How long an upgrade is followed at most: one that waits for a height may wait for days.
const FOLLOW_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

pub(crate) async fn run(client: &Client, args: &UpgradeStatusArgs) -> Result<(), Failure> {
    let Some(mut report) = find(client, args.id).await? else {
        if args.output.json {
            show::json(&None::<UpgradeReport>)?;
        }
        show::talk("there was no upgrade yet");
        show::next("refit upgrade plan KIND=PATH --out plan.json");
        return Ok(());
    };
    if args.follow && !report.state.is_final() {
        let following = Following {
            client,
            id: report.id,
            wait_max: FOLLOW_MAX,
            shows_phases: true,
        };
        report = following.to_end().await?;
    }
    if args.output.json {
        show::json(&report)?;
    } else {
        show::data(&show::upgrade::text(&report))?;
    }
    next(&report);
    Ok(())
}

/// Upgrade `id`, or the last one.
pub(super) async fn find(
    client: &Client,
    id: Option<u64>,
) -> Result<Option<UpgradeReport>, Failure> {
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
        (_, None) => show::next(format_args!("refit upgrade status {} --follow", report.id)),
    }
}
