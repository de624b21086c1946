//! Measures what it costs that a node's answers wait for the disk: a node that keeps its log there beside one that keeps
//! it in memory, in pairs of windows, and one client alone, with a sync between two of its requests.

use super::connection::Connection;
use super::load::Pace;
use super::traffic::{Sort, Traffic};
use super::window::{Bench, Shape};
use super::{ServeOptions, node::ServedNode};
use crate::disk::{Disk, Syncs};
use crate::random::Random;
use crate::{BenchError, Spread};
use serde::Serialize;
use std::time::Instant;

/// Requests of the lone client.
const LONE_REQUESTS: u64 = 300;

/// Part of the loads' numbers that no other load has: see [`Traffic`].
const LONE_LOAD: u64 = 1 << 12;

/// The two nodes.
pub(super) struct Nodes<'a> {
    pub(super) durable: &'a ServedNode,
    pub(super) memory: &'a ServedNode,
}

/// A node with its log on the disk beside one with its log in memory.
#[derive(Clone, Debug, Serialize)]
pub struct Stores {
    /// The disk.
    pub disk: Disk,
    /// Over how many connections.
    pub connections: usize,
    /// A lone client's put with a log on the disk, in microseconds.
    pub lone_durable_us: Spread,
    /// With a log in memory.
    pub lone_memory_us: Spread,
    /// One sync between two of its requests.
    pub lone_fdatasync_us: Spread,
    /// The windows, flat out.
    pub pairs: Vec<StorePair>,
    /// Single puts a second of the one over those of the other, of each pair.
    pub put_ratio: Spread,
    /// Messages in batches, likewise; all zero if the node takes none.
    pub batch_ratio: Spread,
    /// Requests that did not get what they should.
    pub failed: u64,
}

/// Two windows of the same length.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StorePair {
    /// What was sent.
    pub sort: Sort,
    /// Messages a second with a log on the disk.
    pub durable_per_s: f64,
    /// With a log in memory.
    pub memory_per_s: f64,
}

/// Compares the two.
pub(super) fn stores(
    nodes: &Nodes<'_>,
    options: &ServeOptions,
    takes_batches: bool,
    mut syncs: Syncs,
) -> Result<Stores, BenchError> {
    let lone = lone(nodes, &mut syncs)?;
    let window = options.window();
    let benches = [
        Bench::new(nodes.durable, window),
        Bench::new(nodes.memory, window),
    ];
    let mut random = Random::new(options.seed);
    let (mut pairs, mut failed) = (Vec::new(), 0);
    let sorts = [Sort::Put, Sort::Batch];
    for _ in 0..options.pairs {
        for sort in &sorts[..1 + usize::from(takes_batches)] {
            let mut per_s = |bench: &Bench<'_>| {
                let measured = bench.measure(Shape {
                    sort: *sort,
                    connections: options.middle(),
                    pace: Pace::Closed,
                })?;
                failed += measured.row.failed();
                Ok::<_, BenchError>(measured.row.answered_per_s)
            };
            let [on_disk, in_memory] = &benches;
            let (durable_per_s, memory_per_s) = if random.next() & 1 == 0 {
                let durable = per_s(on_disk)?;
                (durable, per_s(in_memory)?)
            } else {
                let memory = per_s(in_memory)?;
                (per_s(on_disk)?, memory)
            };
            syncs.take()?;
            pairs.push(StorePair {
                sort: *sort,
                durable_per_s,
                memory_per_s,
            });
        }
    }
    let ratio = |sort: Sort| {
        let of = pairs.iter().filter(|pair| pair.sort == sort);
        Spread::of(of.map(|pair| pair.durable_per_s / pair.memory_per_s.max(f64::MIN_POSITIVE)))
    };
    Ok(Stores {
        disk: syncs.disk(),
        connections: options.middle(),
        lone_durable_us: lone.durable,
        lone_memory_us: lone.memory,
        lone_fdatasync_us: lone.fdatasync,
        put_ratio: ratio(Sort::Put),
        batch_ratio: ratio(Sort::Batch),
        pairs,
        failed,
    })
}

/// In microseconds.
struct Lone {
    durable: Spread,
    memory: Spread,
    fdatasync: Spread,
}

/// One request after the other at both nodes, and a sync between them.
fn lone(nodes: &Nodes<'_>, syncs: &mut Syncs) -> Result<Lone, BenchError> {
    let traffic = Traffic {
        sort: Sort::Put,
        load: LONE_LOAD,
    };
    let mut request = Vec::new();
    let mut once = |connection: &mut Connection, number: u64| {
        traffic.write(0, number, &mut request);
        let began = Instant::now();
        let answer = connection.exchange(&request)?;
        let us = began.elapsed().as_secs_f64() * 1e6;
        match traffic.sort.is_done(&answer) {
            true => Ok(us),
            false => Err(nodes.durable.failed(format!(
                "a put is answered with {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ))),
        }
    };
    let (mut on_disk, mut in_memory) = (nodes.durable.connect()?, nodes.memory.connect()?);
    let (mut durable, mut memory, mut fdatasync) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=LONE_REQUESTS {
        durable.push(once(&mut on_disk, number)?);
        fdatasync.push(syncs.take()?);
        memory.push(once(&mut in_memory, number)?);
    }
    Ok(Lone {
        durable: Spread::of(durable),
        memory: Spread::of(memory),
        fdatasync: Spread::of(fdatasync),
    })
}
