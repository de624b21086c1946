//! The wait for a node that stops for its upgrade, until it serves again.

use crate::client::Client;
use refit_admin::api::{Status, UpgradeReport};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Longest wait for a node to serve again once its upgrade has ended, and the time between two looks.
const SERVES_WAIT_MAX: Duration = Duration::from_secs(60);
const SERVES_LOOK: Duration = Duration::from_millis(20);

/// Whether the node stops for a plan, and starts again. What is no plan the node refuses.
pub(super) fn stops(plan: &str) -> bool {
    let plan: Result<Value, _> = serde_json::from_str(plan);
    plan.is_ok_and(|plan| plan["directives"]["strategy"] == "offline")
}

/// Waits until the node serves again, and gives its report with the time for which it did not. If that takes too long,
/// the one that there is.
pub(super) async fn again(client: &Client, report: UpgradeReport) -> UpgradeReport {
    let deadline = Instant::now() + SERVES_WAIT_MAX;
    while Instant::now() < deadline {
        // While it restarts nobody answers.
        let status = client.get::<Status>("/v1/status").await;
        let path = format!("/v1/upgrades/{}", report.id);
        if status.is_ok_and(|status| status.starting.is_none())
            && let Ok(whole) = client.get::<UpgradeReport>(&path).await
            && whole.offline.is_some()
        {
            return whole;
        }
        tokio::time::sleep(SERVES_LOOK).await;
    }
    report
}
