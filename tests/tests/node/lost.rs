//! The node's own code panics: what was under way comes to an end, and nobody takes the node for well.

use crate::{assert_serves, put, workshop};
use refit_admin::Node as _;
use refit_admin::api::UpgradeState;
use refit_tests::Harness;
use refit_upgrade::Phase;
use std::time::{Duration, Instant};

/// Longest wait for a node to see that it has ended.
const SOON: Duration = Duration::from_secs(20);

fn started() -> Harness {
    let workshop = workshop();
    let node = Harness::start(&workshop, &[("kv", "kv", &workshop.kv_v1())]);
    node.send("kv", put("key", "before")).unwrap();
    node
}

#[test]
fn an_upgrade_whose_thread_panics_before_the_swap_is_refused_and_the_next_one_is_taken() {
    let node = started();
    let v2 = node.own_copy(&workshop().kv_v2());
    node.watch().lock().panics_at = Some(Phase::Staged);
    let report = node.upgrade("kv", &v2);
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    let reason = report.reason.unwrap();
    assert_eq!(reason.code, "upgrade-panicked");
    assert!(reason.detail.contains("lost its mind"), "{reason:?}");
    assert_eq!(node.node().ready(), Ok(()));
    node.watch().lock().panics_at = None;
    assert_eq!(node.upgrade("kv", &v2).state, UpgradeState::Committed);
    assert_serves(&node, "afterwards");
}

#[test]
fn a_node_whose_crew_panics_says_that_it_has_ended_and_ends_when_it_is_told_to() {
    let node = started();
    let v2 = node.own_copy(&workshop().kv_v2());
    node.watch().lock().panics_at = Some(Phase::Quiesced);
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    let id = node.begin(serde_json::to_string(&plan).unwrap()).unwrap();
    let deadline = Instant::now() + SOON;
    while !node.node_report(id).state.is_final() {
        assert!(Instant::now() < deadline, "the upgrade does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    let report = node.node_report(id);
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    while node.node().ready().is_ok() {
        assert!(Instant::now() < deadline, "the node says that it is ready");
        std::thread::sleep(Duration::from_millis(10));
    }
    let refused = node.send("kv", put("key", "after")).unwrap_err();
    assert_eq!(refused.code, "node-ended");
    // It ends: this test would not.
    node.node().stop();
}
