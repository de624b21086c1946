//! The record of an upgrade that was done on a snapshot: the same as of any other, and that it was done there.

use super::journal::{before, made_by};
use super::reports::{Opened, Reports};
use crate::blocks::clock::SystemClock;
use crate::code::libraries::Release;
use refit_abi::Height;
use refit_admin::api::{Authorised, CodeBefore, Offline, UpgradeRecord, UpgradeState};
use refit_kernel::KindCount;
use refit_upgrade::{Live, Plan};
use std::sync::Arc;

/// What is known of such an upgrade.
pub(crate) struct OfflineRecord<'a> {
    /// How many upgrades were done on the snapshot before.
    pub(crate) before: u64,
    pub(crate) plan: &'a Plan,
    pub(crate) live: &'a Live,
    /// What the code of each live kind is called, in its order.
    pub(crate) releases: &'a [Release],
    /// The engines of each live kind, in its order.
    pub(crate) counts: &'a [KindCount],
    /// The block after which the snapshot was taken.
    pub(crate) height: Height,
    /// When it began, in milliseconds since the Unix epoch.
    pub(crate) began_at_ms: u64,
    /// BLAKE3 over the states that it ended with.
    pub(crate) digest: &'a str,
}

/// The record that a restored node has in its history.
pub(crate) fn offline_record(of: &OfflineRecord<'_>) -> UpgradeRecord {
    let mut reports = Reports::new(Arc::new(SystemClock));
    let id = reports.open(&Opened {
        plan: of.plan,
        key: None,
        live: of.live,
        releases: of.releases,
        counts: of.counts,
    });
    reports.update(id, |report| {
        report.id = of.before + 1;
        report.began_at_ms = of.began_at_ms;
        report.state = UpgradeState::Committed;
        report.height = Some(of.height);
        report.digest = Some(of.digest.to_owned());
        report.offline = Some(Offline::Snapshot);
        // Whoever runs the command names the libraries: nobody has looked at signatures.
        report.authorised = Some(Authorised::Command);
        report.release = None;
        // The code before was never mapped by a node of this history.
        report.retired = true;
    });
    let report = reports.all().pop();
    let kinds = of.live.kinds.iter().zip(of.releases);
    UpgradeRecord {
        report: report.unwrap_or_else(|| unreachable!("it was opened just now")),
        plan: serde_json::to_value(of.plan).ok(),
        before: Some(CodeBefore {
            generation: of.live.generation,
            kinds: kinds
                .map(|(kind, release)| before(kind, release.clone()))
                .collect(),
        }),
        made_by: Some(made_by()),
    }
}
