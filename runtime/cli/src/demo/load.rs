//! All clients together: open loop, at a rate that does not wait for answers.

use super::client::{self, Row, Schedule};
use crate::client::NodeAddress;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Before the first request, so that all clients are on their marks.
const START_DELAY: Duration = Duration::from_millis(100);

/// Before the first window, so that connections are open and code is warm.
const SETTLING: Duration = Duration::from_secs(1);

/// Clients that send.
#[derive(Debug)]
pub(crate) struct Load {
    start: Instant,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Row>>>,
}

/// A stretch of time, counted from the load's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Load {
    /// Starts `clients` that together send `rate` requests a second, evenly spread.
    pub(crate) fn start(address: NodeAddress, rate: u32, clients: u16) -> Self {
        Self::stubborn(address, rate, 0..clients, client::TRIES_MAX)
    }

    /// As [`Load::start`], by clients of these numbers, each of which tries a request so often.
    pub(crate) fn stubborn(
        address: NodeAddress,
        rate: u32,
        numbers: Range<u16>,
        tries_max: u32,
    ) -> Self {
        let (first, clients) = (numbers.start, numbers.len() as u32);
        let start = Instant::now() + START_DELAY;
        let stop = Arc::new(AtomicBool::new(false));
        let period = Duration::from_secs(1) * clients / rate;
        let spawn = |number: u16| {
            let offset = period * u32::from(number - first) / clients;
            let schedule = Schedule {
                start,
                offset,
                period,
                tries_max,
            };
            tokio::spawn(client::run(address.clone(), number, schedule, stop.clone()))
        };
        let clients = numbers.map(spawn).collect();
        Self {
            start,
            stop,
            clients,
        }
    }

    /// Lets the first requests pass.
    pub(crate) async fn settle(&self) {
        self.until(SETTLING).await;
    }

    /// Time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) async fn until(&self, time: Duration) {
        tokio::time::sleep_until((self.start + time).into()).await;
    }

    /// Stops all clients after the request that is under way; returns all requests by intended time.
    pub(crate) async fn stop(self) -> Vec<Row> {
        self.stop.store(true, Ordering::Relaxed);
        let mut rows = Vec::new();
        for client in self.clients {
            // A client does not panic; if one did, its requests count as never sent.
            rows.extend(client.await.unwrap_or_default());
        }
        rows.sort_by_key(|row| row.intended);
        rows
    }
}

impl Window {
    /// From now on for `length`.
    pub(crate) async fn lasting(load: &Load, length: Duration) -> Self {
        let from = load.now();
        load.until(from + length).await;
        Self {
            from,
            to: load.now(),
        }
    }

    pub(crate) fn has(&self, row: &Row) -> bool {
        (self.from..self.to).contains(&row.intended)
    }
}
