//! [`RecoveryReport`]: what a run of `recovery` gave.

use crate::disk::Disk;
use crate::{BenchError, Bound, Machine, Spread, Target};
use serde::Serialize;
use std::fmt::Write;

/// Messages of the log that are executed again each second.
const REPLAY_PER_S_MIN: f64 = 1_000_000.0;

/// Megabytes of a checkpoint that are loaded each second.
const LOAD_MB_PER_S_MIN: f64 = 200.0;

/// The start of a node with a state of 100 MB, in milliseconds.
const START_MS_MAX: f64 = 1_000.0;

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryReport {
    /// The machine of the run.
    pub machine: Machine,
    /// The disk.
    pub disk: Disk,
    /// Starts with a large state.
    pub state: StartRow,
    /// Starts with a long log.
    pub log: StartRow,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// Starts of one folder. Times in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StartRow {
    /// The checkpoint's file.
    pub checkpoint_bytes: u64,
    /// Keys of the store.
    pub keys: u64,
    /// Messages behind the checkpoint, beside those that made it due.
    pub messages: u64,
    /// All messages that engines handled because of them: a store also writes to its index.
    pub handled: u64,
    /// Blocks behind the checkpoint.
    pub blocks: u64,
    /// The store opened, the checkpoint read twice (whole, then by the engines), the code probed and loaded.
    pub load_ms: Spread,
    /// The log executed again.
    pub replay_ms: Spread,
    /// Both.
    pub start_ms: Spread,
}

impl RecoveryReport {
    pub(super) fn new(machine: Machine, disk: Disk, state: StartRow, log: StartRow) -> Self {
        let per_s = |amount: f64, ms: f64| amount * 1e3 / ms.max(f64::MIN_POSITIVE);
        let targets = vec![
            Target::new(
                format!(
                    "messages of the log handled again each second (clients' own: {:.0})",
                    per_s(log.messages as f64, log.replay_ms.p50)
                ),
                per_s(log.handled as f64, log.replay_ms.p50),
                Bound::AtLeast,
                REPLAY_PER_S_MIN,
            ),
            Target::new(
                "MB of a checkpoint loaded each second, all of a start before the log counted",
                per_s(state.checkpoint_bytes as f64 / 1e6, state.load_ms.p50),
                Bound::AtLeast,
                LOAD_MB_PER_S_MIN,
            ),
            Target::new(
                format!(
                    "start of a node of {:.0} MB in ms",
                    state.checkpoint_bytes as f64 / 1e6
                ),
                state.start_ms.p50,
                Bound::AtMost,
                START_MS_MAX,
            ),
        ];
        Self {
            machine,
            disk,
            state,
            log,
            targets,
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
        let mut text =
            "Starts of a node on its folder, ms: median [middle half]\n\
             \x20                 MB     keys  messages   handled  blocks               load                log              start\n"
                .to_owned();
        for (name, row) in [("a large state", &self.state), ("a long log", &self.log)] {
            let spread = |of: &Spread| format!("{:.0} [{:.0}-{:.0}]", of.p50, of.q1, of.q3);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  {name:<14} {:>5.1} {:>8} {:>9} {:>9} {:>7} {:>18} {:>18} {:>18}",
                row.checkpoint_bytes as f64 / 1e6,
                row.keys,
                row.messages,
                row.handled,
                row.blocks,
                spread(&row.load_ms),
                spread(&row.replay_ms),
                spread(&row.start_ms)
            );
        }
        text += "\nTargets\n";
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        let _ = writeln!(text, "\n{}\n{}", self.machine, self.disk);
        text
    }
}
