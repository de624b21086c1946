//! [`CheckpointReport`]: what a run of `checkpoint` gave.

use super::CheckpointCell;
use super::cell::Copied;
use crate::disk::Disk;
use crate::{BenchError, Bound, Machine, Spread, Target};
use serde::Serialize;
use std::fmt::Write;

/// How long a copy of 100 MB may stop blocks, in milliseconds.
const STOP_MS_MAX: f64 = 6.0;

/// What a page may cost that a block is the first to write after it, in microseconds.
const PAGE_US_MAX: f64 = 3.5;

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct CheckpointReport {
    /// The machine of the run.
    pub machine: Machine,
    /// The disk that checkpoints are written to.
    pub disk: Disk,
    /// By what the node holds.
    pub rows: Vec<CheckpointRow>,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// Copies of one node, for checkpoints and snapshots in turns.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CheckpointRow {
    /// Engines.
    pub engines: u64,
    /// Entries of each.
    pub entries: u64,
    /// Memory of the entries.
    pub mib: f64,
    /// Whether targets are judged on it.
    pub is_promised: bool,
    /// A block without a fork, in microseconds.
    pub block_us: Spread,
    /// The worst block from the fork until it has written all, in milliseconds.
    pub worst_ms: Spread,
    /// The block that waited for the fork, less a block without one, and less what the pages cost that it wrote itself.
    pub stop_ms: Spread,
    /// What each page costs that a block is the first to write after the fork, in microseconds.
    pub page_us: Spread,
    /// Such pages.
    pub pages: u64,
    /// From the fork until it has written all, in milliseconds.
    pub written_ms: Spread,
}

impl CheckpointRow {
    pub(super) fn of(cell: CheckpointCell, times: &[Copied]) -> Self {
        let spread = |of: fn(&Copied) -> f64| Spread::of(times.iter().map(of));
        Self {
            engines: cell.engines,
            entries: cell.entries,
            mib: cell.mib(),
            is_promised: cell.is_promised(),
            block_us: spread(|copied| copied.block_us),
            worst_ms: spread(|copied| copied.worst),
            stop_ms: spread(|copied| copied.stop),
            page_us: Spread::of(
                times
                    .iter()
                    .flat_map(|copied| copied.page_us.iter().copied()),
            ),
            pages: times.iter().map(|copied| copied.pages).sum(),
            written_ms: spread(|copied| copied.written),
        }
    }

    fn targets(&self) -> [Target; 2] {
        let of = format!("{:.0} MiB in {} engines", self.mib, self.engines);
        let stop = format!("ms that a copy of {of} stops blocks, median");
        let page = format!("µs for each page first written after a copy of {of}, median");
        [
            Target::new(stop, self.stop_ms.p50, Bound::AtMost, STOP_MS_MAX),
            Target::new(page, self.page_us.p50, Bound::AtMost, PAGE_US_MAX),
        ]
    }
}

impl CheckpointReport {
    pub(super) fn new(machine: Machine, disk: Disk, rows: Vec<CheckpointRow>) -> Self {
        let promised = rows.iter().filter(|row| row.is_promised);
        Self {
            machine,
            disk,
            targets: promised.flat_map(CheckpointRow::targets).collect(),
            rows,
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
        let mut text = "A node copied by a fork while blocks go on, for checkpoints and snapshots in turns: µs of a block \
             without a fork; ms that it stops blocks; the worst block in ms; µs for each page that a block is the first to write; ms \
             until all is written. Median [middle half]\n\
             \x20 engines   entries    MiB    block                stop   worst           a page   pages   written\n"
            .to_owned();
        for row in &self.rows {
            let spread = |of: &Spread| format!("{:.2} [{:.2}-{:.2}]", of.p50, of.q1, of.q3);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:>9} {:>9} {:>6.0} {:>8.0} {:>19} {:>7.2} {:>16} {:>7} {:>9.0}",
                row.engines,
                row.entries,
                row.mib,
                row.block_us.p50,
                spread(&row.stop_ms),
                row.worst_ms.max,
                spread(&row.page_us),
                row.pages,
                row.written_ms.p50
            );
        }
        text += "\nTargets\n";
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        let _ = writeln!(text, "\n{}\n{}", self.machine, self.disk);
        text
    }
}
