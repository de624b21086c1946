//! The snapshot of the node as it is before an upgrade.

use super::snapshot_create::{self, WantedSnapshot};
use crate::args::SnapshotBefore;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_abi::codes;
use refit_upgrade::Finding;
use std::path::Path;

/// Of a plan, what says whether anything leads back from it.
#[derive(serde::Deserialize)]
struct Findings {
    #[serde(default)]
    findings: Vec<Finding>,
}

/// Whether the operator wants a snapshot before this plan. What is no plan the node refuses.
pub(super) fn wants(when: SnapshotBefore, plan: &str) -> bool {
    let is_irreversible = |found: &Finding| {
        let code = found.code.as_str();
        code == codes::IRREVERSIBLE || code == codes::DATA_DROPPED
    };
    match when {
        SnapshotBefore::Always => true,
        SnapshotBefore::Never => false,
        SnapshotBefore::Irreversible => serde_json::from_str(plan)
            .is_ok_and(|plan: Findings| plan.findings.iter().any(is_irreversible)),
    }
}

/// Takes a snapshot of the node as it is before the upgrade.
pub(super) async fn take(client: &Client, out: Option<&Path>) -> Result<(), Failure> {
    let wanted = WantedSnapshot {
        out,
        with_code: true,
    };
    let summary = snapshot_create::take(client, wanted).await?;
    show::talk(format_args!(
        "the state of before is in {}; it comes back with: refit snapshot restore {0}",
        summary.file.display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_taken_before_what_nothing_leads_back_from() {
        let plan = |code: &str| {
            let found = Finding {
                code: code.to_owned(),
                level: refit_upgrade::Level::Note,
                kind: "kv".to_owned(),
                reason: String::new(),
                next: String::new(),
            };
            serde_json::json!({ "format": 2, "findings": [found] }).to_string()
        };
        let when = SnapshotBefore::Irreversible;
        assert!(wants(when, &plan("irreversible")));
        assert!(wants(when, &plan("data-dropped")));
        assert!(!wants(when, &plan("downgrade")));
        assert!(!wants(when, "{}"));
        assert!(wants(SnapshotBefore::Always, "{}"));
        assert!(!wants(SnapshotBefore::Never, &plan("irreversible")));
    }
}
