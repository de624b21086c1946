//! [`RollbackReport`]: what a run of `rollback` gave.

use super::RollbackOptions;
use crate::disk::Disk;
use crate::{BenchError, Bound, Machine, Spread, Target};
use serde::Serialize;
use std::fmt::Write;

/// The time without service, in milliseconds.
const WITHOUT_MS_MAX: f64 = 1_000.0;

/// What that is promised for: megabytes of state, and messages on probation.
const PROMISED_MB: u64 = 100;
const PROMISED_MESSAGES: u64 = 300_000;

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct RollbackReport {
    /// The machine of the run.
    pub machine: Machine,
    /// The disk.
    pub disk: Disk,
    /// The node's checkpoint, about, in megabytes.
    pub state_mb: u64,
    /// Messages since the upgrade.
    pub messages: u64,
    /// One for each node.
    pub rows: Vec<RollbackRow>,
    /// From the last answer before to the first one after, in milliseconds.
    pub without_ms: Spread,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// One roll-back. Times in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RollbackRow {
    /// From the last answer before to the first one after.
    pub without_ms: f64,
    /// From the last answer before until the process after answers anything.
    pub silent_ms: f64,
    /// Blocks that were made anew.
    pub blocks: u64,
    /// Replies that came out as clients were told; none came out otherwise, or the bench fails.
    pub same: u64,
}

impl RollbackReport {
    pub(super) fn new(
        machine: Machine,
        disk: Disk,
        options: &RollbackOptions,
        rows: Vec<RollbackRow>,
    ) -> Self {
        let without_ms = Spread::of(rows.iter().map(|row| row.without_ms));
        let (state_mb, messages) = (options.state_mb, options.messages);
        let name =
            format!("ms without service: {state_mb} MB, {messages} messages on probation, median");
        let target = Target::new(name, without_ms.p50, Bound::AtMost, WITHOUT_MS_MAX);
        let is_promised = state_mb <= PROMISED_MB && messages <= PROMISED_MESSAGES;
        Self {
            machine,
            disk,
            state_mb,
            messages,
            rows,
            without_ms,
            targets: is_promised.then_some(target).into_iter().collect(),
        }
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = format!(
            "A node of {} MB taken back with {} messages on probation, ms: without service, of that until the next \
             process answers at all; blocks made anew; replies that came out the same\n",
            self.state_mb, self.messages
        );
        for row in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  {:>7.0} {:>7.0} {:>7} {:>8}",
                row.without_ms, row.silent_ms, row.blocks, row.same
            );
        }
        text += "\nTargets\n";
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        let _ = writeln!(text, "\n{}\n{}", self.machine, self.disk);
        text
    }
}
