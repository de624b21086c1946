//! What durability costs: `refit bench durable`. A node in this process, asked through its library; no HTTP.
//!
//! Three questions, each beside a node that keeps its log in memory, in the same run and in turns: how many messages a
//! second are answered when each answer waits for the disk, what one client alone waits for, and whether the pause of a
//! swap is longer.
//!
//! Every answer is looked at. At the end the node on the disk is started again: what each client was last told must be
//! there.

mod counted;
mod options;
mod report;

pub use options::DurableOptions;
pub use report::{DurableReport, FloodRow, LoneRow, PauseRow, WindowRow};
pub(crate) use report::{LONE_BESIDE_US, LONE_SYNCS};

use crate::disk::Syncs;
use crate::inside::{Flood, Flooded, InsideCode, InsideNode, KV, client_key, failed, on_disk, put};
use crate::{BenchError, Machine, Spread};
use counted::Counted;
use refit_node::NodeParts;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Swaps that are not counted: the first one loads what later ones find.
const FIRST_SWAPS: u32 = 2;

/// Longest wait for all syncs behind the last answer.
const WARM_UP_PART: f64 = 0.2;

/// A node and how it counts.
struct Measured {
    node: InsideNode,
    /// Of the node on the disk.
    counted: Option<Arc<Counted>>,
}

/// Runs the bench and returns its report. `folder` is on the disk that is measured; the bench makes one of its own there.
///
/// # Errors
/// [`BenchError`]: an option out of its range, a node that does not start, an answer that is none.
pub fn run(
    options: &DurableOptions,
    code: &InsideCode<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<DurableReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let folder = crate::disk::folder(folder)?;
    let mut syncs = Syncs::of(folder.path())?;
    let counted = Arc::new(Counted::default());
    let store = folder.path().join("node");
    let open = || NodeParts::on_disk_heard(&store, counted.clone()).map_err(failed);
    let durable = Measured {
        node: InsideNode::start(code, open)?.0,
        counted: Some(counted.clone()),
    };
    let memory = Measured {
        node: InsideNode::start(code, || Ok(NodeParts::default()))?.0,
        counted: None,
    };
    progress("a lone client");
    let lone = lone(options, &durable, &memory, &mut syncs)?;
    progress("many clients");
    let (floods, last) = floods(options, &durable, &memory, &mut syncs)?;
    progress("swaps");
    let pauses = pauses(options, code, &durable, &memory)?;
    drop(memory);
    // Ended before it is started again: one process has a store at a time.
    drop(durable);
    progress("looking whether all is there");
    let (again, _) = InsideNode::start(code, || on_disk(&store))?;
    all_there(&again, &last)?;
    Ok(DurableReport::new(
        machine,
        syncs.disk(),
        lone,
        floods,
        pauses,
    ))
}

/// One message after the other, on both nodes, and a sync between them.
fn lone(
    options: &DurableOptions,
    durable: &Measured,
    memory: &Measured,
    syncs: &mut Syncs,
) -> Result<LoneRow, BenchError> {
    let once = |measured: &Measured, number: u32| {
        let began = Instant::now();
        let body = put("lone", &number.to_string());
        measured.node.send(body)?;
        Ok::<_, BenchError>(began.elapsed().as_secs_f64() * 1e6)
    };
    let (mut on_disk, mut in_memory, mut sync) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..options.lone {
        on_disk.push(once(durable, number)?);
        sync.push(syncs.take()?);
        in_memory.push(once(memory, number)?);
    }
    Ok(LoneRow {
        durable_us: Spread::of(on_disk),
        memory_us: Spread::of(in_memory),
        fdatasync_us: Spread::of(sync),
    })
}

/// Both nodes flooded in turns; and for each client of the durable one the last group that was answered.
fn floods(
    options: &DurableOptions,
    durable: &Measured,
    memory: &Measured,
    syncs: &mut Syncs,
) -> Result<(Vec<FloodRow>, Vec<u64>), BenchError> {
    let window = Duration::from_secs_f64(options.seconds);
    let flood = Flood {
        clients: options.clients as usize,
        group: options.group as usize,
        window,
        warm_up: window.mul_f64(WARM_UP_PART),
    };
    flood.check()?;
    let (mut rows, mut last) = (Vec::new(), Vec::new());
    for _ in 0..options.pairs {
        let in_memory = flooded(memory, &flood)?.0;
        syncs.take()?;
        let (on_disk, told) = flooded(durable, &flood)?;
        syncs.take()?;
        rows.push(FloodRow {
            ratio: on_disk.per_s / in_memory.per_s,
            durable: on_disk,
            memory: in_memory,
        });
        last = told.last;
    }
    Ok((rows, last))
}

fn flooded(measured: &Measured, flood: &Flood) -> Result<(WindowRow, Flooded), BenchError> {
    let blocks = || measured.node.store().last().0;
    let before = (blocks(), measured.counted.as_ref().map(|it| it.commits()));
    let flooded = flood.run(&measured.node)?;
    let blocks = blocks() - before.0;
    let commits = measured.counted.as_ref().map(|it| it.commits());
    let commits = commits.zip(before.1).map(|(now, before)| now - before);
    let row = WindowRow {
        per_s: flooded.answered as f64 / flood.window.as_secs_f64(),
        group_ms: Spread::of(flooded.group_ms.iter().copied()),
        blocks,
        messages_per_block: flooded.all as f64 / blocks.max(1) as f64,
        commits,
        commit_us: measured.counted.as_ref().map(|it| it.take_us()),
    };
    Ok((row, flooded))
}

/// Swaps on both nodes in turns.
fn pauses(
    options: &DurableOptions,
    code: &InsideCode<'_>,
    durable: &Measured,
    memory: &Measured,
) -> Result<PauseRow, BenchError> {
    let (mut on_disk, mut in_memory) = (Vec::new(), Vec::new());
    let mut next = [code.replacement, code.library].into_iter().cycle();
    for number in 0..options.swaps + FIRST_SWAPS {
        let library = next.next().unwrap_or(code.library);
        let swap = |measured: &Measured| measured.node.upgrade(KV, library, code.probe);
        // The one that begins changes: whatever the first leaves behind falls on both.
        let (one, other) = match number % 2 {
            0 => {
                let one = swap(durable)?;
                (one, swap(memory)?)
            }
            _ => {
                let other = swap(memory)?;
                (swap(durable)?, other)
            }
        };
        if number >= FIRST_SWAPS {
            on_disk.push(one);
            in_memory.push(other);
        }
    }
    Ok(PauseRow {
        durable_us: Spread::of(on_disk),
        memory_us: Spread::of(in_memory),
    })
}

/// Whether each client finds what it was told last.
fn all_there(node: &InsideNode, last: &[u64]) -> Result<(), BenchError> {
    for (number, last) in last.iter().enumerate() {
        let key = client_key(number);
        let found = node.value(&key)?;
        if found.as_deref() != Some(&last.to_string()) {
            return Err(failed(format!(
                "{key} was told {last}, and finds {found:?} after a start: an acknowledged message is lost"
            )));
        }
    }
    Ok(())
}
