//! A timer is a message: it may be set by the old code and come to the new.

use crate::{entry, get, put, workshop};
use refit_abi::{Generation, Height};
use refit_admin::api::UpgradeState;
use refit_tests::{Harness, Source, UPGRADE_WAIT_MAX};
use serde_json::json;
use std::time::{Duration, Instant};

/// Blocks until the timer: the swap must come first, and takes some blocks to stage.
const AHEAD: u64 = 1_000;

#[test]
fn a_timer_that_the_old_code_set_comes_to_the_new_code_at_its_height() {
    let workshop = workshop();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.idle_interval_ms = 2;
    });
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

#[test]
fn what_an_engine_of_the_configuration_sends_and_sets_in_its_init_waits_for_no_client() {
    let workshop = workshop();
    let eager = workshop.library("stubborn-eager", || {
        let init = "        if let Some(file) = config.wait {";
        Source::fixture("stubborn")
            .replacing(
                "src/lib.rs",
                "use refit_abi::{Context,",
                "use refit_abi::{Context, Height, TimerAt,",
            )
            .replacing(
                "src/lib.rs",
                "fn init(config: Config, _: &mut",
                "fn init(config: Config, ctx: &mut",
            )
            .replacing(
                "src/lib.rs",
                init,
                &format!(
                    "        ctx.send(ctx.id(), &Message::Add(1))?;\n        \
                     ctx.set_timer(TimerAt::Height(Height(2)), &Message::Add(10))?;\n{init}"
                ),
            )
    });
    let node = Harness::start(&workshop, &[("eager", "stubborn", &eager)]);
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    while node.query("eager", json!("sum")).unwrap() != 11 {
        assert!(Instant::now() < deadline, "it waits for a client");
        std::thread::sleep(Duration::from_millis(5));
    }
}
