//! [`Row`]: what one window gave.

use super::cpu::{CpuUs, ThreadsUs};
use super::traffic::Sort;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Answers in a window over those that were due, from which a rate counts as kept up.
const KEPT_UP_MIN: f64 = 0.99;

/// One window. Rates and processor times count messages: a batch is many.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The kind of the requests.
    pub sort: Sort,
    /// Over how many connections.
    pub connections: usize,
    /// Messages that were due each second; absent in a closed loop.
    pub asked_per_s: Option<f64>,
    /// Messages that were answered each second.
    pub answered_per_s: f64,
    /// Of a request, from when it was due; in a closed loop from when it was sent.
    pub latency: Latency,
    /// The node's processor time for each message.
    pub node_us: CpuUs,
    /// The same by threads.
    pub threads: Vec<ThreadsUs>,
    /// The generator's processor time for each message; it runs on the same machine.
    pub generator_us: f64,
    /// Requests that were answered with something else than they should.
    pub refused: u64,
    /// Requests whose connection broke.
    pub broken: u64,
    /// Requests without an answer.
    pub unanswered: u64,
    /// The answer to the first refused one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_refusal: Option<String>,
}

/// Latencies of a window, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Requests.
    pub requests: u64,
    /// The median.
    pub p50_us: f64,
    /// One of a hundred is longer.
    pub p99_us: f64,
    /// One of a thousand is longer.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
}

impl Latency {
    pub(super) fn of(ns: &Histogram<u64>) -> Self {
        let us = |ns: u64| ns as f64 / 1e3;
        Self {
            requests: ns.len(),
            p50_us: us(ns.value_at_quantile(0.5)),
            p99_us: us(ns.value_at_quantile(0.99)),
            p999_us: us(ns.value_at_quantile(0.999)),
            max_us: us(ns.max()),
        }
    }
}

impl Row {
    /// Requests that did not get what they should.
    pub fn failed(&self) -> u64 {
        self.refused + self.broken + self.unanswered
    }

    /// Whether the node answered as fast as it was asked; a closed loop asks no faster.
    pub fn is_kept_up(&self) -> bool {
        let kept = |asked| self.answered_per_s >= KEPT_UP_MIN * asked;
        self.failed() == 0 && self.asked_per_s.is_none_or(kept)
    }
}
