//! What a checkpoint or a live snapshot costs a running node: `refit bench checkpoint`.
//!
//! Blocks follow each other without a gap; each writes some pages of the engines' states that no block wrote before. The
//! node is forked between two of them, for a checkpoint and for a snapshot in turns. Two things are looked for: how much
//! longer the worst block is than one without a fork, and what each page costs that a block is the first to write while
//! the fork has it too.
//!
//! The log is in memory here, so that no block waits for a disk; the checkpoints are written to one.

mod blocks;
mod cell;
mod log;
mod options;
mod report;

pub use options::{CheckpointCell, CheckpointOptions};
pub use report::{CheckpointReport, CheckpointRow};

use crate::disk::Syncs;
use crate::swap::SwapCode;
use crate::{BenchError, Machine};
use refit_loader::ProbeCommand;
use std::path::Path;

/// Runs the bench and returns its report. `folder` is on the disk that checkpoints are written to; the bench makes one of
/// its own there.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    options: &CheckpointOptions,
    code: &SwapCode<'_>,
    probe: &ProbeCommand,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<CheckpointReport, BenchError> {
    options.check()?;
    let library = code.table(progress)?;
    let machine = Machine::look()?;
    let folder = crate::disk::folder(folder)?;
    let mut syncs = Syncs::of(folder.path())?;
    let mut rows = Vec::new();
    for (number, cell) in options.cells.iter().enumerate() {
        progress(&format!(
            "{} entries in each of {} engines",
            cell.entries, cell.engines
        ));
        let folder = folder.path().join(format!("cell-{number}"));
        let node = cell::start(*cell, &library, probe, &folder)?;
        let mut times = Vec::new();
        for repetition in 0..options.repetitions {
            times.push(cell::checkpoint(&node)?);
            times.push(cell::snapshot(&node)?);
            progress(&format!("  {} of {}", repetition + 1, options.repetitions));
            syncs.take()?;
        }
        rows.push(CheckpointRow::of(*cell, &times));
    }
    Ok(CheckpointReport::new(machine, syncs.disk(), rows))
}
