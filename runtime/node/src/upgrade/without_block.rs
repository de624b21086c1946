//! The time without a block around an upgrade, put together of what the crew, the driver and the crews' hand-over say.

use super::attempt::Attempt;
use crate::micros::micros;
use crate::pause::Resumed;
use crossbeam_channel::Receiver;
use refit_admin::api::WithoutBlock;
use refit_kernel::crew::TookOver;
use refit_upgrade::Times;
use std::time::{Duration, Instant};

/// Longest wait for the driver to say when the next block began. It makes that block at once.
const NEXT_BLOCK_WAIT_MAX: Duration = Duration::from_secs(5);

impl Attempt {
    /// Writes into the report of an upgrade that ended at its update point for how long no block ran; whether a block
    /// follows it.
    pub(super) fn report_without_block(
        &self,
        resumed: &Resumed,
        next: &Receiver<Instant>,
        took_over: Option<TookOver>,
    ) -> bool {
        // Without it the node ends.
        let Ok(next) = next.recv_timeout(NEXT_BLOCK_WAIT_MAX) else {
            return false;
        };
        let report = self.upgrades.report(self.id);
        let copy_us = report.and_then(|report| report.copy_us);
        let without = around(&resumed.times, next, took_over, copy_us);
        let total = Duration::from_micros(without.total_us);
        self.upgrades.metrics.observe_without_block(total);
        self.update(|report| report.without_block = Some(without));
        true
    }
}

/// The parts, and their sum. `next` is when the driver sent the next block: if the crews were just then changing, it
/// began when the fresh one had come; a hand-over that came later is one more time without a block.
fn around(
    times: &Times<Instant>,
    next: Instant,
    took_over: Option<TookOver>,
    copy_us: Option<u64>,
) -> WithoutBlock {
    let since = |later: Instant, earlier: Instant| later.saturating_duration_since(earlier);
    // The block was sent to a crew that had gone: it began when the fresh one came.
    let waits = |it: &TookOver| it.left <= next && next < it.came;
    let began = took_over.filter(waits).map_or(next, |it| it.came);
    let later = took_over.filter(|it| it.left > next);
    let sweep_us = micros(since(times.closing, times.sweeping));
    let pause_us = micros(since(times.resumed, times.closing));
    let next_us = micros(since(began, times.resumed));
    let handover_us = later.map_or(0, |it| micros(since(it.came, it.left)));
    WithoutBlock {
        sweep_us,
        next_us,
        handover_us,
        total_us: copy_us.unwrap_or(0) + sweep_us + pause_us + next_us + handover_us,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(next: u64, took_over: Option<(u64, u64)>) -> [u64; 4] {
        let start = Instant::now();
        let at = |us| start + Duration::from_micros(us);
        let times = Times {
            sweeping: at(0),
            closing: at(100),
            quiesced: at(101),
            transitioned: at(102),
            committed: at(103),
            resumed: at(110),
        };
        let took_over = took_over.map(|(left, came)| TookOver {
            left: at(left),
            came: at(came),
        });
        let without = around(&times, at(next), took_over, Some(1_000));
        [
            without.sweep_us,
            without.next_us,
            without.handover_us,
            without.total_us,
        ]
    }

    #[test]
    fn the_parts_are_counted_once_whenever_the_crews_change() {
        assert_eq!(without(150, None), [100, 40, 0, 1_150], "it did not change");
        let before = Some((111, 140));
        assert_eq!(
            without(150, before),
            [100, 40, 0, 1_150],
            "before the block"
        );
        let while_it_waits = Some((120, 180));
        assert_eq!(without(150, while_it_waits), [100, 70, 0, 1_180]);
        let later = Some((400, 430));
        assert_eq!(without(150, later), [100, 40, 30, 1_180]);
    }
}
