//! The targets for a node under clients, judged on one run.

use super::{KeysCost, Row, Sort, Stores, Swaps};
use crate::durable::{LONE_BESIDE_US, LONE_SYNCS};
use crate::{Bound, Target};

/// Single requests a second.
const SINGLE_PER_S_MIN: f64 = 80_000.0;

/// Messages a second by the batch route.
const BATCH_PER_S_MIN: f64 = 300_000.0;

/// A lone client's median, in microseconds.
const LONE_US_MAX: f64 = 300.0;

/// p99.9 with a swap over p99.9 without.
const SWAP_RATIO_MAX: f64 = 1.2;

/// By how much fewer messages may go through with keys, in percent.
const KEYS_PERCENT_MAX: f64 = 5.0;

/// Messages a second with the log on the disk over those with the log in memory.
const DURABLE_RATIO_MIN: f64 = 0.8;

/// All targets that the run says something of.
pub(super) fn judge(rows: &[Row], keys: &KeysCost, swaps: &Swaps, stores: &Stores) -> Vec<Target> {
    let lone = rows
        .iter()
        .find(|row| row.connections == 1 && row.asked_per_s.is_none());
    let lone = lone.map(|row| {
        let name = "a lone client's put, median in µs";
        Target::new(name, row.latency.p50_us, Bound::AtMost, LONE_US_MAX)
    });
    let single = kept_up(rows, Sort::Put);
    let single = single.map(|most| {
        let name = "single requests a second that are kept up";
        Target::new(name, most, Bound::AtLeast, SINGLE_PER_S_MIN)
    });
    let batch = kept_up(rows, Sort::Batch).map(|most| {
        let name = "messages a second by the batch route that are kept up";
        Target::new(name, most, Bound::AtLeast, BATCH_PER_S_MIN)
    });
    let outside = swaps.pairs.iter().filter(|pair| !pair.is_inside).count();
    let failed =
        rows.iter().map(Row::failed).sum::<u64>() + keys.failed + swaps.failed + stores.failed;
    let always = [
        Target::new(
            "p99.9 with a swap over p99.9 without, median of the pairs",
            swaps.ratio.p50,
            Bound::AtMost,
            SWAP_RATIO_MAX,
        ),
        Target::new(
            "messages a second that keys cost, median of the pairs in percent",
            keys.cost_percent.p50,
            Bound::AtMost,
            KEYS_PERCENT_MAX,
        ),
        Target::new(
            "swaps that did not end within their window",
            outside as f64,
            Bound::AtMost,
            0.0,
        ),
        Target::new(
            "requests refused, broken off or not answered",
            failed as f64,
            Bound::AtMost,
            0.0,
        ),
    ];
    [single, batch, lone]
        .into_iter()
        .flatten()
        .chain(durable(stores))
        .chain(always)
        .collect()
}

/// Those of a node whose answers wait for the disk.
fn durable(stores: &Stores) -> Vec<Target> {
    let limit = LONE_SYNCS * stores.lone_fdatasync_us.p50 + LONE_BESIDE_US;
    let mut targets = vec![
        Target::new(
            "a lone client's put with the log on the disk, median in µs, at most 1.5 × one fdatasync + 150",
            stores.lone_durable_us.p50,
            Bound::AtMost,
            limit.round(),
        ),
        Target::new(
            "single requests a second with the log on the disk over those with it in memory, median of the pairs",
            stores.put_ratio.p50,
            Bound::AtLeast,
            DURABLE_RATIO_MIN,
        ),
    ];
    if stores.pairs.iter().any(|pair| pair.sort == Sort::Batch) {
        targets.push(Target::new(
            "the same of messages by the batch route",
            stores.batch_ratio.p50,
            Bound::AtLeast,
            DURABLE_RATIO_MIN,
        ));
    }
    targets
}

/// The most that was kept up in an open loop; 0 if nothing was, nothing if it was not measured.
fn kept_up(rows: &[Row], sort: Sort) -> Option<f64> {
    let open = rows
        .iter()
        .filter(|row| row.sort == sort && row.asked_per_s.is_some());
    let figures = open.map(|row| match row.is_kept_up() {
        true => row.answered_per_s,
        false => 0.0,
    });
    figures.max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::{CpuUs, Latency};

    fn row(asked_per_s: Option<f64>, answered_per_s: f64, broken: u64) -> Row {
        Row {
            sort: Sort::Put,
            connections: 64,
            asked_per_s,
            answered_per_s,
            latency: Latency::default(),
            node_us: CpuUs::default(),
            threads: Vec::new(),
            generator_us: 0.0,
            refused: 0,
            broken,
            unanswered: 0,
            first_refusal: None,
        }
    }

    #[test]
    fn a_rate_that_was_not_kept_up_does_not_count_however_much_was_answered() {
        let rows = [
            row(Some(100_000.0), 90_000.0, 0),
            row(Some(95_000.0), 95_000.0, 1),
            row(Some(50_000.0), 49_900.0, 0),
            row(None, 120_000.0, 0),
        ];
        assert_eq!(kept_up(&rows, Sort::Put), Some(49_900.0));
        assert_eq!(kept_up(&rows[..2], Sort::Put), Some(0.0));
        assert_eq!(kept_up(&rows[3..], Sort::Put), None);
        assert_eq!(kept_up(&rows, Sort::Batch), None);
    }
}
