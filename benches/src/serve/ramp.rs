//! The greatest rate that a node keeps up with.

use super::load::Pace;
use super::row::Row;
use super::traffic::Sort;
use super::window::{Bench, Measured, Shape};
use crate::BenchError;

/// Rates that are tried in turn, as parts of what goes through flat out.
const PARTS: [f64; 10] = [1.1, 1.05, 1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5];

/// The results of a ramp.
#[derive(Debug)]
pub(super) struct Ramp {
    /// In a closed loop: what goes through at most.
    pub(super) flat_out: Row,
    /// In an open loop: the greatest rate that was kept up with, or the last that was tried.
    pub(super) open: Row,
}

/// Finds the rate for these requests, or measures the one that is asked for.
pub(super) fn climb(
    bench: &Bench<'_>,
    sort: Sort,
    connections: usize,
    rate_hz: Option<u32>,
) -> Result<Ramp, BenchError> {
    let shape = |pace| Shape {
        sort,
        connections,
        pace,
    };
    let flat_out = bench.measure(shape(Pace::Closed))?.row;
    let most_hz = (flat_out.answered_per_s / sort.messages() as f64).max(1.0);
    let rates = match rate_hz {
        Some(rate_hz) => vec![f64::from(rate_hz)],
        None => PARTS.iter().map(|part| part * most_hz).collect(),
    };
    let mut open = None;
    for rate_hz in rates {
        let Measured { row, .. } = bench.measure(shape(Pace::Open(rate_hz)))?;
        let is_kept_up = row.is_kept_up();
        open = Some(row);
        if is_kept_up {
            break;
        }
    }
    let open = open.unwrap_or_else(|| flat_out.clone());
    Ok(Ramp { flat_out, open })
}
