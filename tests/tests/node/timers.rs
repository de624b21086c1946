//! A timer is a message: it may be set by the old code and come to the new.

use crate::{entry, get, put, store, workshop};
use refit_abi::{Generation, Height};
use refit_admin::api::UpgradeState;
use serde_json::json;

/// Blocks until the timer: the swap must come first, and takes some blocks to stage.
const AHEAD: u64 = 1_000;

#[test]
fn a_timer_that_the_old_code_set_comes_to_the_new_code_at_its_height() {
    let workshop = workshop();
    let node = store(&workshop);
    let height = node.send("kv", put("brief", "value")).unwrap().height;
    node.send("kv", put("lasting", "value")).unwrap();
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    let expires = Height(height.0 + AHEAD);
    let message = json!({"expire_at": {"key": "brief", "height": expires}});
    assert_eq!(node.send("kv", message).unwrap().generation, Generation(1));
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert!(
        report.height.unwrap() < expires,
        "the swap came too late: {report:?}"
    );
    assert_eq!(entry(&node, "brief").0, "value", "it is still there");

    // The store takes the key away in the block after; then there is no reason for another one.
    node.wait_for_height(expires.next());
    let gone = node.query("kv", get("brief")).unwrap();
    assert_eq!(gone, json!({"value": {"entry": null}}));
    assert_eq!(entry(&node, "lasting"), ("value".to_owned(), 0));
    assert_eq!(node.node().counts().blocks.dead_letters, 0);
}
