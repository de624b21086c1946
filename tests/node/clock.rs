//! A clock that jumps: block time follows it forwards, and stands still where it goes back, also over a start.

use refit_abi::BlockTime;
use refit_admin::Node as _;
use refit_node::{Clock, NodeParts};
use refit_tests::{Harness, opened};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;

const NOW_MS: u64 = 50 * YEAR_MS;

/// A clock that is set by hand.
struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> BlockTime {
        BlockTime(self.0.load(Ordering::Acquire))
    }
}

fn start(folder: &Path, clock: &Arc<SetClock>) -> Harness {
    let workshop = crate::workshop();
    let parts = NodeParts {
        store: Arc::new(opened(folder)),
        clock: clock.clone(),
        ..NodeParts::default()
    };
    let library = workshop.kv_v1();
    Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        // The same file at each start.
        config.engines[0].library.clone_from(&library);
    })
}

/// Has a message handled while the clock shows this; gives the time of its block.
fn handled_at(node: &Harness, clock: &SetClock, ms: u64) -> u64 {
    clock.0.store(ms, Ordering::Release);
    node.send("kv", json!({"put": {"key": "a", "value": ms.to_string()}}))
        .unwrap();
    node.node().status().unwrap().block_time_ms.0
}

#[test]
fn a_clock_that_jumps_never_takes_block_time_back_and_keeps_no_message_out() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SetClock(AtomicU64::new(NOW_MS)));
    let node = start(folder.path(), &clock);
    assert_eq!(handled_at(&node, &clock, NOW_MS), NOW_MS);
    assert_eq!(handled_at(&node, &clock, NOW_MS - YEAR_MS), NOW_MS, "back");
    assert_eq!(handled_at(&node, &clock, 0), NOW_MS, "to the epoch");
    let ahead = NOW_MS + YEAR_MS;
    assert_eq!(handled_at(&node, &clock, ahead), ahead, "ahead");
    drop(node);
    // The machine has started with another time.
    clock.0.store(NOW_MS, Ordering::Release);
    let node = start(folder.path(), &clock);
    assert_eq!(handled_at(&node, &clock, NOW_MS), ahead, "over a start");
    assert_eq!(handled_at(&node, &clock, ahead + 1), ahead + 1);
}
