//! What a start takes: `refit bench recovery`. A node in this process is filled, ended, and started again on its folder.
//!
//! Two folders: one whose newest checkpoint has a large state and next to no log behind it, and one with a small state
//! and a long log. Each start opens the store, reads the checkpoint, loads its code (probed in a process of its own, as
//! ever), and executes the log again. After each start the states are compared with those before the end.
//!
//! The files are in the system's cache, as after a crash of the process; after one of the machine the disk comes on top.

mod filled;
mod options;
mod report;

pub use options::RecoveryOptions;
pub use report::{RecoveryReport, StartRow};

use crate::disk::Syncs;
use crate::inside::{InsideCode, InsideNode, Started, failed, on_disk};
use crate::{BenchError, Machine, Spread};
use filled::Filled;
use std::path::Path;

/// Runs the bench and returns its report. `folder` is on the disk that is measured; the bench makes one of its own there.
///
/// # Errors
/// [`BenchError`]: an option out of its range, a node that does not start, or is not what it was.
pub fn run(
    options: &RecoveryOptions,
    code: &InsideCode<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<RecoveryReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let folder = crate::disk::folder(folder)?;
    let mut syncs = Syncs::of(folder.path())?;
    progress(&format!("filling {} MB", options.state_mb));
    let state = filled::with_state(options, code, &folder.path().join("state"))?;
    progress(&format!("a log of {} messages", options.messages));
    let log = filled::with_log(options, code, &folder.path().join("log"))?;
    let mut state_starts = Vec::new();
    let mut log_starts = Vec::new();
    // In turns: a noisy minute falls on both.
    for number in 1..=options.repetitions {
        progress(&format!("starts: {number} of {}", options.repetitions));
        state_starts.push(start(&state, code)?);
        log_starts.push(start(&log, code)?);
        syncs.take()?;
    }
    Ok(RecoveryReport::new(
        machine,
        syncs.disk(),
        row(&state, &state_starts),
        row(&log, &log_starts),
    ))
}

/// Starts a node on a folder and ends it, and looks whether it is what it was.
fn start(filled: &Filled, code: &InsideCode<'_>) -> Result<Started, BenchError> {
    let (node, started) = InsideNode::start(code, || on_disk(&filled.folder))?;
    match filled::states(&node)? == filled.states {
        true => Ok(started),
        false => Err(failed("the states after a start are not those before")),
    }
}

fn row(filled: &Filled, starts: &[Started]) -> StartRow {
    let ms = |of: fn(&Started) -> std::time::Duration| {
        Spread::of(starts.iter().map(|start| of(start).as_secs_f64() * 1e3))
    };
    StartRow {
        checkpoint_bytes: filled.checkpoint_bytes,
        keys: filled.keys,
        messages: filled.messages,
        handled: filled.handled,
        blocks: filled.blocks,
        load_ms: ms(|start| start.prepared),
        replay_ms: ms(|start| start.started),
        start_ms: ms(|start| start.prepared + start.started),
    }
}
