//! [`DurableReport`]: what a run of `durable` gave.

use crate::disk::Disk;
use crate::{BenchError, Bound, Machine, Spread, Target};
use serde::Serialize;
use std::fmt::Write;

/// Durable messages a second.
const PER_S_MIN: f64 = 100_000.0;

/// What a lone client may wait for, in syncs of the same disk and, beside them, in microseconds.
pub(crate) const LONE_SYNCS: f64 = 1.5;
pub(crate) const LONE_BESIDE_US: f64 = 150.0;

/// The pause of a swap with durability over the same without.
const PAUSE_RATIO_MAX: f64 = 1.1;

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct DurableReport {
    /// The machine of the run.
    pub machine: Machine,
    /// The disk.
    pub disk: Disk,
    /// One client alone.
    pub lone: LoneRow,
    /// Pairs of windows with many.
    pub floods: Vec<FloodRow>,
    /// Swaps.
    pub pauses: PauseRow,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// A lone client: it sends when it has its answer. In microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LoneRow {
    /// From its message to its answer, with a log on the disk.
    pub durable_us: Spread,
    /// With a log in memory.
    pub memory_us: Spread,
    /// One sync, taken between two messages.
    pub fdatasync_us: Spread,
}

/// Two windows with many clients.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FloodRow {
    /// With a log on the disk.
    pub durable: WindowRow,
    /// With a log in memory.
    pub memory: WindowRow,
    /// Messages a second of the first over those of the second.
    pub ratio: f64,
}

/// One window with many clients.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WindowRow {
    /// Messages that were answered each second.
    pub per_s: f64,
    /// From a group's first word to its last answer, in milliseconds.
    pub group_ms: Spread,
    /// Blocks, of the window and the time around it.
    pub blocks: u64,
    /// Messages of each.
    pub messages_per_block: f64,
    /// Commits of the log: a sync each.
    pub commits: Option<u64>,
    /// What a commit took, its sync included, in microseconds.
    pub commit_us: Option<Spread>,
}

/// Pauses of swaps, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PauseRow {
    /// With a log on the disk.
    pub durable_us: Spread,
    /// With a log in memory.
    pub memory_us: Spread,
}

impl DurableReport {
    pub(super) fn new(
        machine: Machine,
        disk: Disk,
        lone: LoneRow,
        floods: Vec<FloodRow>,
        pauses: PauseRow,
    ) -> Self {
        let per_s = Spread::of(floods.iter().map(|row| row.durable.per_s)).p50;
        let limit = LONE_SYNCS * lone.fdatasync_us.p50 + LONE_BESIDE_US;
        let ratio = pauses.durable_us.p50 / pauses.memory_us.p50.max(f64::MIN_POSITIVE);
        let targets = vec![
            Target::new(
                "durable messages a second, median of the windows",
                per_s,
                Bound::AtLeast,
                PER_S_MIN,
            ),
            Target::new(
                "a lone client's put, median in µs, at most 1.5 × one fdatasync + 150",
                lone.durable_us.p50,
                Bound::AtMost,
                limit.round(),
            ),
            Target::new(
                "pause of a swap with durability over the same without, medians",
                ratio,
                Bound::AtMost,
                PAUSE_RATIO_MAX,
            ),
        ];
        Self {
            machine,
            disk,
            lone,
            floods,
            pauses,
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
        let spread = |of: &Spread| format!("{:.0} [{:.0}-{:.0}]", of.p50, of.q1, of.q3);
        let mut text = "A node in this process: each answer waits until its block is on the disk, beside a node that \
                        keeps its log in memory\n\n"
            .to_owned();
        let (lone, pauses) = (&self.lone, &self.pauses);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "A lone client, µs: on the disk {}, in memory {}; one fdatasync {}",
            spread(&lone.durable_us),
            spread(&lone.memory_us),
            spread(&lone.fdatasync_us)
        );
        text += "\nMany clients, flat out: messages a second, in a block, in a commit; µs of a commit; ms of a group\n";
        for row in &self.floods {
            row.show(&mut text);
        }
        let _ = writeln!(
            text,
            "\nThe pause of a swap, µs: on the disk {}, in memory {}",
            spread(&pauses.durable_us),
            spread(&pauses.memory_us)
        );
        text += "\nTargets\n";
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        let _ = writeln!(text, "\n{}\n{}", self.machine, self.disk);
        text
    }
}

impl FloodRow {
    fn show(&self, text: &mut String) {
        for (name, row) in [("on the disk", &self.durable), ("in memory", &self.memory)] {
            let each = row
                .commits
                .map(|commits| row.messages_per_block * row.blocks as f64 / commits.max(1) as f64);
            let dash = || "-".to_owned();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  {name:<11} {:>9.0} {:>8.0} {:>8} {:>8} {:>8.1}",
                row.per_s,
                row.messages_per_block,
                each.map_or_else(dash, |each| format!("{each:.0}")),
                row.commit_us
                    .map_or_else(dash, |us| format!("{:.0}", us.p50)),
                row.group_ms.p50
            );
        }
        let _ = writeln!(text, "  {:<11} {:>9.2}", "ratio", self.ratio);
    }
}
