//! One node of a cell, and one copy of it: blocks before it, the copy while blocks go on, and what the blocks show.

use super::CheckpointCell;
use super::blocks::{Blocks, Next, Seen, WRITES};
use super::log::LogInMemory;
use crate::inside::{InsideNode, failed, refused};
use crate::{BenchError, Spread};
use refit_admin::Node as _;
use refit_loader::ProbeCommand;
use refit_node::{EngineConfig, NodeConfig, NodeParts};
use refit_store::{DiskStore, FileAt, FileOf, Step, Steps};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Blocks before a copy, with which those behind it are compared.
const BLOCKS_BEFORE: usize = 64;

/// Blocks that make the log so long that a checkpoint is due, 1 MiB each.
const PADDING_BLOCKS: u32 = 66;

/// Longest wait for blocks or for a checkpoint.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// Between two looks.
const LOOK: Duration = Duration::from_micros(500);

/// A node whose blocks follow each other without a gap.
pub(super) struct CellNode {
    node: InsideNode,
    blocks: Blocks,
    written: Arc<Written>,
}

/// One copy. Times in milliseconds but where a name says otherwise.
#[derive(Clone, Debug)]
pub(super) struct Copied {
    /// A block without a fork, the median.
    pub(super) block_us: f64,
    /// The worst block of the copy.
    pub(super) worst: f64,
    /// The block that waited for the fork, less a block without one, and less what the pages cost that it wrote itself.
    pub(super) stop: f64,
    /// From the fork until it has written all.
    pub(super) written: f64,
    /// What each page costs that a block is the first to write after the fork, in microseconds, block by block.
    pub(super) page_us: Vec<f64>,
    /// Such pages.
    pub(super) pages: u64,
}

/// Hears when the file of a checkpoint is written.
#[derive(Debug, Default)]
struct Written(Mutex<Option<Instant>>);

impl Written {
    fn take(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Steps for Written {
    fn at(&self, step: Step<'_>) {
        if let Step::File {
            of: FileOf::Checkpoint,
            at: FileAt::Written,
        } = step
        {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}

/// Starts the node of a cell.
pub(super) fn start(
    cell: CheckpointCell,
    library: &Path,
    probe: &ProbeCommand,
    folder: &Path,
) -> Result<CellNode, BenchError> {
    let engine = |number: u64| EngineConfig {
        name: format!("table-{number}"),
        kind: Some("table".to_owned()),
        library: library.to_owned(),
        config: format!("{{\"entries\":{}}}", cell.entries),
    };
    let engines = (0..cell.engines).map(engine).collect();
    let blocks = Blocks::of(cell)?;
    let written = Arc::new(Written::default());
    let parts = || {
        let disk = DiskStore::open_heard(folder, written.clone()).map_err(failed)?;
        Ok(NodeParts {
            source: Some(blocks.source()),
            store: Arc::new(LogInMemory::beside(disk)),
            ..NodeParts::default()
        })
    };
    let config = NodeConfig::new(engines, probe.clone());
    let (node, _) = InsideNode::start_with(config, parts)?;
    Ok(CellNode {
        node,
        blocks,
        written,
    })
}

/// A checkpoint that is due because the log has grown.
pub(super) fn checkpoint(cell: &CellNode) -> Result<Copied, BenchError> {
    copied(cell, || {
        let store = cell.node.store();
        let archive = store.archive().ok_or_else(|| failed("nothing is kept"))?;
        let newest = || {
            let kept = archive.checkpoints().map_err(failed)?;
            Ok::<_, BenchError>(kept.last().map(|kept| kept.number))
        };
        let before = newest()?;
        cell.blocks.go_on_with(Next::Padding(PADDING_BLOCKS));
        wait_until("keep a checkpoint", || Ok(newest()? != before))
    })
}

/// A snapshot, which is read to its end.
pub(super) fn snapshot(cell: &CellNode) -> Result<Copied, BenchError> {
    copied(cell, || {
        let taken = cell.node.node().snapshot(false);
        let taken = taken.map_err(|why| refused(&why))?;
        *cell
            .written
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let mut body = taken.body.take(taken.bytes);
        let read = io::copy(&mut body, &mut io::sink());
        read.map(drop).map_err(failed)
    })
}

/// Copies of one measurement, until a block has run while one was made.
const COPIES_MAX: usize = 10;

/// Has blocks run before and during a copy, and looks at them.
fn copied(
    cell: &CellNode,
    copy: impl Fn() -> Result<(), BenchError>,
) -> Result<Copied, BenchError> {
    for _ in 0..COPIES_MAX {
        // A small state may be written before a block has run.
        if let Some(copied) = try_copied(cell, &copy)? {
            return Ok(copied);
        }
    }
    Err(failed("no block ran while it was copied"))
}

/// The same; `None` if no block ran meanwhile.
fn try_copied(
    cell: &CellNode,
    copy: impl Fn() -> Result<(), BenchError>,
) -> Result<Option<Copied>, BenchError> {
    cell.blocks.take();
    cell.written.take();
    cell.blocks.go_on_with(Next::Writes);
    wait_until("execute its blocks", || {
        Ok(cell.blocks.count() >= BLOCKS_BEFORE)
    })?;
    let began = Instant::now();
    copy()?;
    let ended = cell.written.take().unwrap_or_else(Instant::now);
    cell.blocks.go_on_with(Next::Nothing);
    wait_until("execute its last block", || Ok(!cell.blocks.is_busy()))?;
    let seen = cell.blocks.take();
    let seen: Vec<Seen> = seen.into_iter().filter(|seen| seen.writes).collect();
    Ok(look(&seen, began, ended))
}

/// What the blocks around a copy show.
fn look(seen: &[Seen], began: Instant, ended: Instant) -> Option<Copied> {
    let us = |seen: &Seen| seen.took.as_secs_f64() * 1e6;
    let before: Vec<&Seen> = seen
        .iter()
        .filter(|seen| seen.began + seen.took < began)
        .collect();
    let block_us = Spread::of(before.iter().map(|seen| us(seen))).p50;
    let block_faults = Spread::of(before.iter().map(|seen| seen.faults as f64)).p50;
    let during: Vec<&Seen> = seen
        .iter()
        .filter(|seen| seen.began + seen.took >= began && seen.began < ended)
        .collect();
    let worst = during.iter().map(|seen| us(seen)).fold(0.0, f64::max);
    let pages = |seen: &Seen| seen.faults as f64 - block_faults;
    // The first one that writes pages anew is the one before which the node was forked: it waited for that.
    let place = during
        .iter()
        .position(|seen| pages(seen) >= WRITES as f64 / 2.0)?;
    let (waited, behind) = during[place..].split_first()?;
    let forked = waited.began + waited.took;
    // The later half of the copy is left out: a page that the fork has given back costs less.
    let half = forked + ended.saturating_duration_since(forked) / 2;
    let first_writes: Vec<(f64, f64)> = behind
        .iter()
        .filter(|seen| seen.began + seen.took < half)
        .map(|seen| (us(seen) - block_us, pages(seen)))
        .filter(|(_, pages)| *pages >= WRITES as f64 / 2.0)
        .collect();
    let page_us: Vec<f64> = first_writes.iter().map(|(us, pages)| us / pages).collect();
    let of_its_own = pages(waited) * Spread::of(page_us.iter().copied()).p50;
    Some(Copied {
        block_us,
        worst: worst / 1e3,
        stop: (us(waited) - block_us - of_its_own) / 1e3,
        written: ended.saturating_duration_since(waited.began).as_secs_f64() * 1e3,
        page_us,
        pages: first_writes.iter().map(|(_, pages)| *pages as u64).sum(),
    })
}

fn wait_until(
    what: &'static str,
    done: impl Fn() -> Result<bool, BenchError>,
) -> Result<(), BenchError> {
    let deadline = Instant::now() + WAIT_MAX;
    while !done()? {
        if Instant::now() > deadline {
            let seconds = WAIT_MAX.as_secs();
            return Err(BenchError::Stuck { what, seconds });
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
