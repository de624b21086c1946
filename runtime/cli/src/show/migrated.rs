//! What came of an offline upgrade, for people and programs.

use super::safe;
use super::snapshot::Summary;
use super::table::facts;
use super::upgrade::microseconds;
use crate::failure::Failure;
use crate::show;
use crate::units::shown_bytes;
use refit_admin::api::UpgradeReport;
use refit_node::offline::Migrated;
use refit_node::snapshot::SnapshotFile;
use refit_upgrade::Plan;
use serde::Serialize;
use std::path::Path;

/// The stable shape of `refit snapshot migrate --json`.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    /// The new snapshot; absent if nothing was written.
    written: Option<Summary>,
    plan: &'a Plan,
    /// What a restored node has in its history.
    report: &'a UpgradeReport,
    /// BLAKE3 over the states that it ended with.
    digest: &'a str,
    engines: u64,
    state_bytes: u64,
    memory_bytes: u64,
    took_us: u64,
}

impl<'a> Shown<'a> {
    pub(crate) fn of(plan: &'a Plan, migrated: &'a Migrated) -> Self {
        Self {
            written: None,
            plan,
            report: &migrated.record.report,
            digest: &migrated.digest,
            engines: migrated.engines,
            state_bytes: migrated.state_bytes,
            memory_bytes: migrated.memory_bytes,
            took_us: migrated.took_us,
        }
    }

    /// The same, written into this file.
    pub(crate) fn written(self, path: &'a Path, file: &SnapshotFile) -> Self {
        Self {
            written: Some(Summary::of(path, file)),
            ..self
        }
    }

    pub(crate) fn print(&self, as_json: bool) -> Result<(), Failure> {
        match as_json {
            true => show::json(self),
            false => show::data(&self.text()),
        }
    }

    fn text(&self) -> String {
        let (from, to) = (self.report.from, self.report.to);
        let what = match &self.written {
            Some(summary) => summary.line(),
            None => "nothing is written: this was a trial".to_owned(),
        };
        let rows = [
            ("snapshot", what),
            ("generation", format!("{from} → {to}")),
            ("class", self.report.class.to_string()),
            (
                "states",
                format!(
                    "{}, {}",
                    super::snapshot::engines(self.engines as usize),
                    shown_bytes(self.state_bytes)
                ),
            ),
            (
                "transitions",
                format!(
                    "{}, memory +{}",
                    microseconds(self.took_us),
                    shown_bytes(self.memory_bytes)
                ),
            ),
            ("states after", safe::line(self.digest)),
        ];
        let kinds = super::upgrade::kinds(self.report);
        format!(
            "{}\n{kinds}{}",
            facts(&rows),
            super::plan::details(self.plan)
        )
    }
}
