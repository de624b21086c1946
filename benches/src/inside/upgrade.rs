//! Upgrades of a node in this process: planned from what is live, applied without a rehearsal, waited for.

use super::{InsideNode, failed, refused};
use crate::BenchError;
use refit_admin::api::UpgradeState;
use refit_admin::{ApplyOptions, Bytes, Node as _, OrderedBy};
use refit_loader::{Loader, ProbeCommand};
use refit_upgrade::{Live, LiveKind, OfferedModule, Plan};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest time for one upgrade, from its plan to the unmapped old code.
const UPGRADE_MAX: Duration = Duration::from_secs(60);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(2);

impl InsideNode {
    /// Puts `library` in the place of the live code of `kind`, and waits until the old code is unmapped; gives the pause in
    /// microseconds.
    pub(crate) fn upgrade(
        &self,
        kind: &str,
        library: &Path,
        probe: &ProbeCommand,
    ) -> Result<f64, BenchError> {
        let plan = self.plan(kind, library, probe)?;
        let plan = Bytes::from(serde_json::to_vec(&plan)?);
        let options = ApplyOptions {
            no_rehearsal: true,
            ..ApplyOptions::default()
        };
        let applied = self.node.apply(plan, OrderedBy::default(), options);
        let id = self
            .runtime
            .block_on(applied)
            .map_err(|why| refused(&why))?
            .id;
        let deadline = Instant::now() + UPGRADE_MAX;
        while Instant::now() < deadline {
            match self.node.upgrade(id) {
                Some(report) if report.state == UpgradeState::Committed && report.retired => {
                    return Ok(report.pause_us as f64);
                }
                Some(report)
                    if report.state.is_final() && report.state != UpgradeState::Committed =>
                {
                    return Err(failed(format!("an upgrade did not happen: {report:?}")));
                }
                _ => std::thread::sleep(LOOK),
            }
        }
        Err(failed("an upgrade does not end"))
    }

    fn plan(&self, kind: &str, library: &Path, probe: &ProbeCommand) -> Result<Plan, BenchError> {
        let status = self.node.status().map_err(|why| refused(&why))?;
        let kinds = status.kinds.into_iter().map(|kind| LiveKind {
            descriptor: kind.descriptor,
            artifact: kind.artifact,
        });
        let live = Live {
            generation: status.generation,
            kinds: kinds.collect(),
        };
        let loader = Loader::new(probe.clone()).map_err(failed)?;
        let probed = loader.probe_file(library);
        let probed = probed.map_err(|source| BenchError::Load {
            path: library.to_owned(),
            source: Box::new(source),
        })?;
        let offered = OfferedModule {
            path: library.display().to_string(),
            artifact: probed.staged().id().to_string(),
            meant: Some(kind.to_owned()),
            descriptor: probed.verdict().descriptor().clone(),
            outside: probed.staged().inspection().outside_words(),
        };
        Ok(Plan::make(&live, &[offered], None)?)
    }
}
