//! [`Bench`]: a node and loads on it, one window after the other: what the clients saw and what it cost.

use super::cpu::Used;
use super::load::{Load, Pace, Seen, Times};
use super::node::ServedNode;
use super::row::{Latency, Row};
use super::traffic::{Sort, Traffic};
use crate::BenchError;
use std::cell::Cell;
use std::path::Path;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Before the first request, for opening the connections.
const OPENING: Duration = Duration::from_millis(100);

/// Part of a window's length for which the load runs before it.
const WARM_UP: f64 = 0.2;

/// The node, and what loads on it have in common.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) node: &'a ServedNode,
    pub(super) window: Duration,
    /// Loads so far: each is other clients.
    loads: Cell<u64>,
}

/// The parameters of one load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) sort: Sort,
    pub(super) connections: usize,
    pub(super) pace: Pace,
}

/// A load under way.
#[derive(Debug)]
pub(super) struct Running {
    shape: Shape,
    pub(super) times: Times,
    thread: JoinHandle<Result<Seen, BenchError>>,
}

/// The results of a window.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) row: Row,
    pub(super) seen: Seen,
}

impl<'a> Bench<'a> {
    pub(super) fn new(node: &'a ServedNode, window: Duration) -> Self {
        Self {
            node,
            window,
            loads: Cell::new(0),
        }
    }

    /// One window with nothing else in it.
    pub(super) fn measure(&self, shape: Shape) -> Result<Measured, BenchError> {
        self.measure_with(shape, |_| Ok(()))
    }

    /// One window in which `meanwhile` happens.
    pub(super) fn measure_with(
        &self,
        shape: Shape,
        meanwhile: impl FnOnce(Times) -> Result<(), BenchError>,
    ) -> Result<Measured, BenchError> {
        let running = self.start(shape)?;
        sleep_until(running.times.from);
        let before = Cpu::look(self.node)?;
        let happened = meanwhile(running.times);
        sleep_until(running.times.to);
        let after = Cpu::look(self.node)?;
        let seen = running.thread.join();
        happened?;
        let seen =
            seen.map_err(|_| self.node.failed("the load's thread panicked".to_owned()))??;
        let requests = seen.answered * running.shape.sort.messages() as u64;
        let row = Row {
            sort: shape.sort,
            connections: shape.connections,
            asked_per_s: match shape.pace {
                Pace::Open(rate_hz) => Some(rate_hz * shape.sort.messages() as f64),
                Pace::Closed => None,
            },
            answered_per_s: requests as f64 / self.window.as_secs_f64(),
            latency: Latency::of(&seen.latency_ns),
            node_us: after.node.each_since(&before.node, requests),
            threads: after.node.threads_since(&before.node, requests),
            generator_us: after
                .generator
                .each_since(&before.generator, requests)
                .sum(),
            refused: seen.refused,
            broken: seen.broken,
            unanswered: seen.unanswered,
            first_refusal: seen.first_refusal.clone(),
        };
        Ok(Measured { row, seen })
    }

    fn start(&self, shape: Shape) -> Result<Running, BenchError> {
        self.loads.set(self.loads.get() + 1);
        let start = Instant::now() + OPENING;
        let from = start + self.window.mul_f64(WARM_UP);
        let times = Times {
            start,
            from,
            to: from + self.window,
        };
        let load = Load {
            socket: self.node.socket(),
            connections: shape.connections,
            traffic: Traffic {
                sort: shape.sort,
                load: self.loads.get(),
            },
            pace: shape.pace,
            times,
        };
        let thread = Builder::new()
            .name("bench-load".to_owned())
            .spawn(move || load.run())
            .map_err(|source| BenchError::Thread { source })?;
        Ok(Running {
            shape,
            times,
            thread,
        })
    }
}

/// The node's time and the generator's.
struct Cpu {
    node: Used,
    generator: Used,
}

impl Cpu {
    fn look(node: &ServedNode) -> Result<Self, BenchError> {
        Ok(Self {
            node: node.used()?,
            generator: Used::look(Path::new("/proc/self"))?,
        })
    }
}

pub(super) fn sleep_until(time: Instant) {
    std::thread::sleep(time.saturating_duration_since(Instant::now()));
}
