//! [`SwapReport`]: what the rows say together.

use super::options::Cells;
use super::row::as_micros;
use super::{Cell, Row, SwapOptions, summary, targets};
use crate::{BenchError, Machine, Spread, Target};
use serde::Serialize;
use std::time::Duration;

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct SwapReport {
    /// The machine of the run.
    pub machine: Machine,
    /// The order of the cells follows from it.
    pub seed: u64,
    /// Repetitions of each cell.
    pub repetitions: u32,
    /// Worker threads of a crew.
    pub workers: usize,
    /// Messages a second of the load.
    pub rate_hz: u32,
    /// The empty handshakes of the whole run. They depend on no cell, so together they are the floor
    /// that targets are judged by: a wake-up takes one of two times, by where the system finds the
    /// thread, and the few of one cell may happen to be of one sort.
    pub handshake_us: Spread,
    /// One for each combination, in order.
    pub cells: Vec<CellReport>,
    /// Combinations that were not measured.
    pub skipped: Vec<SkippedCell>,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
    /// All repetitions, as in `swap.csv`, in the order they were measured.
    #[serde(skip)]
    pub rows: Vec<Row>,
}

/// A combination that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedCell {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// The reason.
    pub reason: String,
}

/// The figures of a cell's repetitions together. Times are microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct CellReport {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// How many repetitions there were.
    pub repetitions: usize,
    /// From file to armed.
    pub stage_us: Spread,
    /// For the block's end.
    pub wait_us: Spread,
    /// Until nothing runs.
    pub quiesce_us: Spread,
    /// The transitions.
    pub transition_us: Spread,
    /// The publication.
    pub commit_us: Spread,
    /// Until the gate is open.
    pub resume_us: Spread,
    /// The last four.
    pub pause_us: Spread,
    /// The pause less `resume_us`: what the upgrade does.
    pub work_us: Spread,
    /// From the open gate until the fresh crew has the engines: the wake-up of a thread, which depends on where the
    /// system runs it.
    pub handover_us: Spread,
    /// The pause and the hand-over: the longest that no block can run.
    pub without_block_us: Spread,
    /// The same of the empty handshake of the same nodes.
    pub handshake_us: Spread,
    /// Median time without a block over the median handshake of the same nodes.
    pub without_block_over_handshake: f64,
    /// Median pause over that of the fewest engines with as many entries and the same class.
    pub pause_over_fewest: f64,
    /// Largest gap between two answers.
    pub stall_us: Spread,
    /// The same without a swap.
    pub control_stall_us: Spread,
    /// Largest latency from when a message was due.
    pub latency_us: Spread,
    /// The same without a swap.
    pub control_latency_us: Spread,
    /// Median of peak memory over memory at rest.
    pub memory_ratio: f64,
    /// Messages lost, in all repetitions.
    pub lost: u64,
    /// Messages duplicated, in all repetitions.
    pub duplicated: u64,
    /// Messages reordered, in all repetitions.
    pub reordered: u64,
    /// Messages answered with an error, in all repetitions.
    pub refused: u64,
    /// Batches handled by a mixed generation, in all repetitions.
    pub mixed: u64,
    /// Libraries that stayed mapped, in all repetitions.
    pub pinned: u64,
}

impl SwapReport {
    pub(super) fn new(
        options: &SwapOptions,
        machine: Machine,
        rows: Vec<Row>,
        skipped: Vec<SkippedCell>,
    ) -> Self {
        let Cells { cells, .. } = options.cells();
        let mut cells: Vec<_> = cells
            .into_iter()
            .map(|cell| CellReport::of(cell, &rows))
            .collect();
        compare_with_fewest(&mut cells);
        let handshake_us = Spread::of(rows.iter().map(|row| as_micros(row.handshake)));
        let targets = targets::judge(&cells, handshake_us.p50);
        Self {
            machine,
            seed: options.seed,
            repetitions: options.repetitions,
            workers: options.workers,
            rate_hz: options.rate_hz,
            handshake_us,
            cells,
            skipped,
            targets,
            rows,
        }
    }

    /// The report as the JSON of `swap.json`.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text: a table, the targets, what was skipped.
    pub fn text(&self) -> String {
        summary::text(self)
    }
}

impl CellReport {
    fn of(cell: Cell, rows: &[Row]) -> Self {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.cell == cell).collect();
        let spread =
            |time: fn(&Row) -> Duration| Spread::of(rows.iter().map(|row| as_micros(time(row))));
        let sum = |count: fn(&Row) -> u64| rows.iter().map(|row| count(row)).sum();
        let memory = rows
            .iter()
            .map(|row| row.rss_peak_kib as f64 / row.rss_rest_kib.max(1) as f64);
        let handshake_us = spread(|row| row.handshake);
        let without_block_us = spread(|row| row.phases.without_block());
        Self {
            cell,
            repetitions: rows.len(),
            stage_us: spread(|row| row.stage),
            wait_us: spread(|row| row.phases.wait),
            quiesce_us: spread(|row| row.phases.quiesce),
            transition_us: spread(|row| row.phases.transition),
            commit_us: spread(|row| row.phases.commit),
            resume_us: spread(|row| row.phases.resume),
            pause_us: spread(|row| row.phases.pause()),
            work_us: spread(|row| row.phases.work()),
            handover_us: spread(|row| row.phases.handover),
            without_block_us,
            handshake_us,
            without_block_over_handshake: without_block_us.p50 / handshake_us.p50,
            pause_over_fewest: 1.0,
            stall_us: spread(|row| row.stall),
            control_stall_us: spread(|row| row.control_stall),
            latency_us: spread(|row| row.latency),
            control_latency_us: spread(|row| row.control_latency),
            memory_ratio: Spread::of(memory).p50,
            lost: sum(|row| row.lost),
            duplicated: sum(|row| row.duplicated),
            reordered: sum(|row| row.reordered),
            refused: sum(|row| row.refused),
            mixed: sum(|row| row.mixed),
            pinned: sum(|row| u64::from(row.pinned)),
        }
    }
}

fn compare_with_fewest(cells: &mut [CellReport]) {
    let medians: Vec<_> = cells
        .iter()
        .map(|report| (report.cell, report.pause_us.p50))
        .collect();
    for report in cells {
        let alike = medians.iter().filter(|(cell, _)| {
            (cell.entries, cell.class) == (report.cell.entries, report.cell.class)
        });
        if let Some((_, fewest)) = alike.min_by_key(|(cell, _)| cell.engines) {
            report.pause_over_fewest = report.pause_us.p50 / fewest;
        }
    }
}
