//! A real node under clients: `refit bench serve`.
//!
//! The node is a process of its own, the released program, and serves `kv` over its unix socket, from memory or with its
//! log on the disk; the other one of the two is compared with it in pairs of windows.
//! The clients are one thread of this process with many connections and speak HTTP; they run on the same cores
//! as the node, and the report says what they take of them.
//!
//! Order of a run: a lone client; single puts over few and many connections, each first flat out and then in an
//! open loop at the greatest rate that is kept up; puts under keys; gets; batches, if the node takes them; pairs
//! of windows with keys and without; with a swap and without; with the log on the disk and in memory.

pub(crate) mod connection;
mod cpu;
pub(crate) mod http;
mod lane;
mod load;
pub(crate) mod node;
mod options;
mod pairs;
mod ramp;
mod report;
mod row;
mod stores;
mod targets;
mod traffic;
mod window;

pub use cpu::{CpuUs, ThreadsUs};
pub use options::{ServeOptions, ServeStore, ServeStoreError};
pub use pairs::{KeysCost, KeysPair, SwapPair, Swaps};
pub use report::ServeReport;
pub use row::{Latency, Row};
pub use stores::{StorePair, Stores};
pub use traffic::{BATCH_MESSAGES, Sort};

use crate::disk::Syncs;
use crate::{BenchError, Machine};
use load::Pace;
use node::{ServedNode, Serving};
use std::path::Path;
use stores::Nodes;
use traffic::Traffic;
use window::{Bench, Shape};

/// Part of the rate that is kept up at which swaps are measured, if no rate is asked for.
const SWAP_RATE_PART: f64 = 0.5;

/// Least requests a second of that.
const SWAP_RATE_HZ_MIN: f64 = 50.0;

/// The program and the sources of a run.
#[derive(Clone, Copy, Debug)]
pub struct ServeCode<'a> {
    /// The command line: its `run` is a node, and its `upgrade plan` makes plans.
    pub program: &'a Path,
    /// A library of `kv`.
    pub library: &'a Path,
    /// Another one, of other code with the same state.
    pub replacement: &'a Path,
}

/// Runs the bench and returns its report. `folder`, which is there, is on the disk that is measured; nodes have theirs in it.
///
/// `progress` gets each step, a line at a time.
///
/// # Errors
/// [`BenchError`]: an option out of its range, or a node that does not start, serve or swap.
pub fn run(
    options: &ServeOptions,
    code: &ServeCode<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<ServeReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    progress(&format!("measuring on {machine}"));
    let serving = |store| Serving {
        parent: folder,
        store,
        // Upgrade follows upgrade, and none is taken back.
        probation_blocks: 0,
    };
    let node = ServedNode::start(code, serving(options.store))?;
    let bench = Bench::new(&node, options.window());
    let Windows { rows, no_batch } = rows(&bench, options, progress)?;
    let (plain, keyed) = match no_batch {
        None => (Sort::Batch, Sort::KeyedBatch),
        Some(_) => (Sort::Put, Sort::KeyedPut),
    };
    progress(&format!(
        "pairs of windows with keys and without: {}",
        options.pairs
    ));
    let keys = pairs::keys(&bench, options, plain, keyed)?;
    let rate_hz = options
        .rate_hz
        .map_or_else(|| swap_rate_hz(&rows, options), f64::from);
    progress(&format!(
        "pairs of windows with a swap and without: {}",
        options.pairs
    ));
    let swaps = pairs::swaps(&bench, code, options, rate_hz)?;
    progress(&format!(
        "pairs of windows with the log on the disk and in memory: {}",
        options.pairs
    ));
    let other = match options.store {
        ServeStore::Memory => ServeStore::Redb,
        ServeStore::Redb => ServeStore::Memory,
    };
    let other = ServedNode::start(code, serving(other))?;
    let nodes = match options.store {
        ServeStore::Memory => Nodes {
            durable: &other,
            memory: &node,
        },
        ServeStore::Redb => Nodes {
            durable: &node,
            memory: &other,
        },
    };
    let syncs = Syncs::of(folder)?;
    let stores = stores::stores(&nodes, options, no_batch.is_none(), syncs)?;
    Ok(ServeReport {
        targets: targets::judge(&rows, &keys, &swaps, &stores),
        store: options.store,
        machine,
        seconds: options.seconds,
        seed: options.seed,
        rows,
        no_batch,
        keys,
        swaps,
        stores,
    })
}

/// All windows but the pairs.
struct Windows {
    rows: Vec<Row>,
    /// Why there are none of batches.
    no_batch: Option<String>,
}

fn rows(
    bench: &Bench<'_>,
    options: &ServeOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<Windows, BenchError> {
    progress("a lone client");
    let lone = Shape {
        sort: Sort::Put,
        connections: 1,
        pace: Pace::Closed,
    };
    let mut rows = vec![bench.measure(lone)?.row];
    let mut climb = |sort: Sort, connections: usize| {
        progress(&format!("{sort}: {connections} connections"));
        let found = ramp::climb(bench, sort, connections, options.rate_hz)?;
        rows.extend([found.flat_out, found.open]);
        Ok::<_, BenchError>(())
    };
    for connections in &options.connections {
        climb(Sort::Put, *connections as usize)?;
    }
    climb(Sort::KeyedPut, options.middle())?;
    climb(Sort::Get, options.middle())?;
    let no_batch = no_batch(bench.node)?;
    if no_batch.is_none() {
        climb(Sort::Batch, options.middle())?;
    }
    Ok(Windows { rows, no_batch })
}

/// Why the node takes no batches, if it takes none.
fn no_batch(node: &ServedNode) -> Result<Option<String>, BenchError> {
    let mut request = Vec::new();
    let sort = Sort::Batch;
    Traffic { sort, load: 0 }.write(0, 1, &mut request);
    let answer = node.exchange(&request)?;
    Ok(match answer.status {
        404 | 405 => Some("no such route in this build".to_owned()),
        _ if sort.is_done(&answer) => None,
        status => {
            let body = String::from_utf8_lossy(&answer.body);
            let line = body.lines().next().unwrap_or_default();
            Some(format!("the node does not take it: {status} {line}"))
        }
    })
}

/// A rate that leaves the node room, so that what is seen is the swap and not the queue.
fn swap_rate_hz(rows: &[Row], options: &ServeOptions) -> f64 {
    let is_like = |row: &&Row| {
        (row.sort, row.connections) == (Sort::Put, options.middle()) && row.asked_per_s.is_some()
    };
    let most = rows
        .iter()
        .rfind(is_like)
        .map_or(0.0, |row| row.answered_per_s);
    (SWAP_RATE_PART * most).max(SWAP_RATE_HZ_MIN)
}
