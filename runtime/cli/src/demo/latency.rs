//! Latency from the time a request was meant to be sent: a request that had to wait for its turn
//! counts its waiting.

use super::client::Row;
use super::load::Window;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Largest latency that is counted apart, in microseconds: 120 s.
const LATENCY_US_MAX: u64 = 120_000_000;

/// The latencies of one window, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Latency {
    pub(crate) requests: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
}

impl Latency {
    pub(crate) fn of(rows: &[Row], window: Window) -> Self {
        let Ok(mut histogram) = Histogram::<u64>::new_with_bounds(1, LATENCY_US_MAX, 3) else {
            return Self::default();
        };
        for row in rows.iter().filter(|row| window.has(row)) {
            let Some(answered) = row.answered else {
                continue;
            };
            let latency = answered.saturating_sub(row.intended).as_micros();
            histogram.saturating_record(u64::try_from(latency).unwrap_or(LATENCY_US_MAX));
        }
        Self {
            requests: histogram.len(),
            p50_us: histogram.value_at_quantile(0.5),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
        }
    }
}
