//! Bringing one version to the node, as `refit upgrade plan` and `refit upgrade apply` do.

use crate::client::Client;
use crate::commands::upgrade_plan::{self, PlanRefused};
use crate::commands::upgrade_release;
use crate::failure::Failure;
use crate::release::Named;
use crate::show;
use refit_admin::api::{Status, UpgradeAccepted, UpgradeReport, UpgradeState};
use refit_upgrade::Plan;
use std::path::Path;
use std::time::Duration;

/// Between two looks at whether the upgrade has ended.
const POLL: Duration = Duration::from_millis(20);

/// Looks before the demo gives up on it: a minute.
const POLLS_MAX: u32 = 3_000;

/// Kinds, each with the library that brings its new code.
pub(crate) type Libraries<'a> = &'a [(&'a str, &'a Path)];

/// The plan that brings these libraries to the node.
pub(crate) async fn plan(client: &Client, libraries: Libraries<'_>) -> Result<Plan, Failure> {
    let status: Status = client.get("/v1/status").await?;
    let named = |(kind, path): &(&str, &Path)| ((*kind).to_owned(), (*path).to_owned());
    let libraries: Vec<_> = libraries.iter().map(named).collect();
    // The probe takes milliseconds of another process; the clients go on meanwhile.
    let probe = move || {
        let candidate =
            |(kind, path): &(String, std::path::PathBuf)| upgrade_plan::library(kind, path);
        libraries
            .iter()
            .map(candidate)
            .collect::<Result<Vec<_>, _>>()
    };
    let candidates = tokio::task::spawn_blocking(probe)
        .await
        .map_err(|error| Failure::start(std::io::Error::other(error)))??;
    let plan = Plan::make(&upgrade_plan::live(&status), &candidates, None)
        .map_err(|error| Box::new(PlanRefused(error)))?;
    Ok(plan)
}

/// The plan that brings a release that the node has.
async fn plan_release(client: &Client, id: &str) -> Result<Plan, Failure> {
    let status: Status = client.get("/v1/status").await?;
    let offered = upgrade_release::offered(client, &Named::Id(id.to_owned())).await?;
    let release = upgrade_release::planned(&offered);
    let candidates = upgrade_release::candidates(offered);
    let plan = Plan::make(&upgrade_plan::live(&status), &candidates, None);
    let mut plan = plan.map_err(|error| Box::new(PlanRefused(error)))?;
    plan.release = Some(release);
    Ok(plan)
}

/// Plans and applies; gives the upgrade's number. The one before is made permanent: no two are on probation.
pub(crate) async fn begin(client: &Client, libraries: Libraries<'_>) -> Result<u64, Failure> {
    confirm(client).await?;
    let plan = plan(client, libraries).await?;
    client.offer(&plan).await?;
    order(client, &plan).await
}

async fn order(client: &Client, plan: &Plan) -> Result<u64, Failure> {
    let body = serde_json::to_string(plan)
        .map_err(|error| Failure::output(std::io::Error::other(error)))?;
    let answer = client.post("/v1/upgrades", &[], body).await?;
    let accepted: UpgradeAccepted = client.decode(&answer)?;
    Ok(accepted.id)
}

/// Makes the generation permanent, if it is on probation: then the next plan is taken on.
async fn confirm(client: &Client) -> Result<(), Failure> {
    let status: Status = client.get("/v1/status").await?;
    if status.probation.is_some() {
        let path = "/v1/upgrades/0/confirm";
        // It may have become permanent by itself meanwhile.
        let _ = client.post(path, &[], String::new()).await;
    }
    Ok(())
}

/// Plans, applies, waits for the end and for the retired old code.
pub(crate) async fn apply(
    client: &Client,
    libraries: Libraries<'_>,
) -> Result<UpgradeReport, Failure> {
    follow(client, begin(client, libraries).await?).await
}

/// The same, of a release that the node has.
pub(crate) async fn apply_release(client: &Client, id: &str) -> Result<UpgradeReport, Failure> {
    confirm(client).await?;
    let plan = plan_release(client, id).await?;
    follow(client, order(client, &plan).await?).await
}

async fn follow(client: &Client, id: u64) -> Result<UpgradeReport, Failure> {
    let path = format!("/v1/upgrades/{id}");
    let mut report: UpgradeReport = client.get(&path).await?;
    for _ in 0..POLLS_MAX {
        if ended(&report) {
            break;
        }
        tokio::time::sleep(POLL).await;
        report = client.get(&path).await?;
    }
    match &report.reason {
        None => show::talk(format_args!(
            "  {}, class {}, pause {}",
            report.state,
            report.class,
            show::upgrade::microseconds(report.pause_us)
        )),
        // The reason is as long as an engine makes it; its code is short.
        Some(reason) => show::talk(format_args!(
            "  {} ({}):\n    {}",
            report.state,
            reason.code,
            reason.detail.replace(": ", ":\n    ")
        )),
    }
    Ok(report)
}

/// Whether nothing of the upgrade is left to do.
pub(crate) fn ended(report: &UpgradeReport) -> bool {
    let gone = report.retired || !report.pinned.is_empty();
    match report.state {
        UpgradeState::Refused => true,
        state => state.is_final() && gone,
    }
}
