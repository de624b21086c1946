//! How long a node does not serve while it is rolled back: `refit bench rollback`.
//!
//! A node of its own (`refit run`) is filled, upgraded, and given many messages on probation. Then the upgrade is taken
//! back: the node ends, puts itself in its own place, loads the state of before and makes the blocks since then anew. A
//! client writes all the while; the time without service is from its last answer before to its first one after.

mod client;
mod options;
mod report;

pub use options::RollbackOptions;
pub use report::{RollbackReport, RollbackRow};

use crate::disk::Syncs;
use crate::serve::node::{ServedNode, Serving};
use crate::serve::{ServeCode, ServeStore};
use crate::{BenchError, Machine};
use client::{Watcher, fill};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// For so many blocks the upgrade can be taken back: more than the messages of a run need.
const PROBATION_BLOCKS: u64 = 100_000;

/// Longest wait for a node that is rolled back.
const BACK_MAX: Duration = Duration::from_secs(120);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the bench and returns its report. `folder` is on the disk that is measured; nodes have theirs in it.
///
/// # Errors
/// [`BenchError`]: an option out of its range, a node that does not come back, or that comes back as another.
pub fn run(
    options: &RollbackOptions,
    code: &ServeCode<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<RollbackReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let folder = crate::disk::folder(folder)?;
    let mut syncs = Syncs::of(folder.path())?;
    let mut rows = Vec::new();
    for number in 1..=options.repetitions {
        progress(&format!(
            "{} MB, {} messages on probation: {number} of {}",
            options.state_mb, options.messages, options.repetitions
        ));
        rows.push(once(options, code, folder.path(), &mut syncs)?);
    }
    Ok(RollbackReport::new(machine, syncs.disk(), options, rows))
}

/// A node's whole life.
fn once(
    options: &RollbackOptions,
    code: &ServeCode<'_>,
    folder: &Path,
    syncs: &mut Syncs,
) -> Result<RollbackRow, BenchError> {
    let node = ServedNode::start(
        code,
        Serving {
            parent: folder,
            store: ServeStore::Redb,
            probation_blocks: PROBATION_BLOCKS,
        },
    )?;
    fill(&node, &options.state())?;
    provoke_checkpoint(&node)?;
    let plan = node.plan(code.replacement)?;
    let id = node.begin_upgrade(&plan)?;
    let upgraded = node.upgrade_report(id, |report| report["retired"] == true)?;
    let after = upgraded["height"].as_u64().unwrap_or_default();
    fill(&node, &options.since())?;
    syncs.take()?;
    let watcher = Watcher::start(&node.socket())?;
    let began = Instant::now();
    node.value("POST", &format!("/v1/upgrades/{id}/rollback"), "")?;
    until_back(&node)?;
    let seen = watcher.end(began);
    let seen = seen.ok_or_else(|| node.failed("the client has no answers".to_owned()))?;
    syncs.take()?;
    let report = node.upgrade_report(id, |report| report["rolled_back"].is_object())?;
    let told = &report["rolled_back"];
    let number = |name: &str| told[name].as_u64();
    if number("lost") != Some(0) || number("revised") != Some(0) {
        return Err(node.failed(format!("replies came out differently: {told}")));
    }
    Ok(RollbackRow {
        without_ms: seen.without.as_secs_f64() * 1e3,
        silent_ms: seen.silent.as_secs_f64() * 1e3,
        blocks: number("through").unwrap_or_default().saturating_sub(after),
        same: number("same").unwrap_or_default(),
    })
}

/// Makes the log so long that a checkpoint is due, until one is kept: what is promised is that of a state and of what came
/// since the upgrade, and not of a log before it.
fn provoke_checkpoint(node: &ServedNode) -> Result<(), BenchError> {
    let before = node.checkpoints();
    let deadline = Instant::now() + BACK_MAX;
    while node.checkpoints().is_subset(&before) {
        if Instant::now() > deadline {
            return Err(node.failed("it keeps no checkpoint".to_owned()));
        }
        fill(node, &RollbackOptions::padding())?;
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Waits until the node goes on under the next branch.
fn until_back(node: &ServedNode) -> Result<(), BenchError> {
    let deadline = Instant::now() + BACK_MAX;
    while Instant::now() < deadline {
        let status = node.value("GET", "/v1/status", "");
        // It cannot be asked while it is away.
        let is_back =
            |status: Value| status["branch"].as_u64() > Some(0) && status["starting"].is_null();
        if status.is_ok_and(is_back) {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Err(node.failed(format!("it is not back after {} s", BACK_MAX.as_secs())))
}
