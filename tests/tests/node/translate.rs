//! Translation: where the layouts differ, states cross as bytes, and so do the messages that wait.

use crate::{entry, get, put, store, workshop};
use refit_abi::{Generation, Height};
use refit_admin::api::{Class, UpgradeState};
use serde_json::json;

/// Blocks until the timer: both swaps must come first.
const AHEAD: u64 = 4_000;

#[test]
fn a_state_and_its_timers_cross_to_code_of_another_layout_and_back() {
    let workshop = workshop();
    let node = store(&workshop);
    let (other, usual) = (workshop.kv_v2_of_another_layout(), workshop.kv_v2());
    let height = node.send("kv", put("brief", "old")).unwrap().height;
    node.send("kv", put("lasting", "old")).unwrap();
    let expires = Height(height.0 + AHEAD);
    let message = json!({"expire_at": {"key": "brief", "height": expires}});
    node.send("kv", message).unwrap();

    // The step from version 1 reads the old state from its bytes.
    let report = node.upgrade("kv", &other);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(report.class, Class::Translate);
    assert_eq!(entry(&node, "lasting"), ("old".to_owned(), 0));
    node.send("kv", put("lasting", "new")).unwrap();
    assert_eq!(entry(&node, "lasting"), ("new".to_owned(), 1));

    // Back to the usual layout: the same schema, and still not by pointer.
    let states = node.states();
    let report = node.upgrade("kv", &usual);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(report.class, Class::Translate);
    assert_eq!((node.generation(), node.states()), (Generation(3), states));

    let late = node.status().height;
    assert!(late < expires, "the swaps came too late: {late}");
    node.wait_for_height(expires.next());
    let gone = node.query("kv", get("brief")).unwrap();
    assert_eq!(gone, json!({"value": {"entry": null}}), "the timer came");
    assert_eq!(entry(&node, "lasting"), ("new".to_owned(), 1));
    assert_eq!(node.node().counts().blocks.dead_letters, 0);
}
