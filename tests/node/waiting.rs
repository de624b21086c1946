//! Tests that a message that waits behind many others is not lost.

use crate::{assert_mapped, workshop};
use refit_admin::api::UpgradeState;
use refit_admin::{Bytes, Entrance, Node as _};
use refit_node::INTAKE_PER_TURN_MAX;
use refit_tests::{Harness, Source};
use refit_upgrade::{Phase, Watch, Withdrawn};
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Holds the upgrade back when it is armed, until the test lets it go on.
struct Hold {
    go_on: Receiver<()>,
}

impl Watch for Hold {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        if phase == Phase::Armed {
            self.go_on.recv().unwrap();
        }
        Ok(())
    }
}

/// Sends as a client does that goes away at once.
fn send_and_leave(node: &Harness, message: &Value) {
    let bytes = Bytes::from(message.to_string());
    let to = "evil".parse().unwrap();
    node.runtime().block_on(async {
        let sending = node.node().send(to, Entrance::UNIX, None, bytes);
        let _gone = tokio::time::timeout(Duration::ZERO, sending).await;
    });
}

#[test]
fn an_armed_upgrade_is_not_lost_behind_as_many_messages_as_one_turn_takes_in() {
    let workshop = workshop();
    let stubborn = workshop.library("stubborn", || Source::fixture("stubborn"));
    let edited = workshop.library("stubborn-edited", || {
        Source::fixture("stubborn").replacing("src/lib.rs", "BASE: u64 = 0;", "BASE: u64 = 1000;")
    });
    let (go, go_on) = channel();
    let node = Harness::start_with(&workshop, &[("evil", "stubborn", &stubborn)], |config| {
        config.watch = Arc::new(parking_lot::Mutex::new(Hold { go_on }));
    });
    let plan = node.plan(&[("stubborn", &node.own_copy(&edited))], None);
    let id = node.begin(serde_json::to_string(&plan.unwrap()).unwrap());
    let id = id.unwrap();
    // Until it is held back, its probe is done and it needs the crew no more.
    while node.status().libraries.mapped < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let open = node.folder().join("open");
    send_and_leave(&node, &json!({"wait": open.to_str().unwrap()}));
    std::thread::sleep(Duration::from_millis(200));
    for _ in 0..INTAKE_PER_TURN_MAX {
        send_and_leave(&node, &json!({"add": 1}));
    }
    go.send(()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    fs::write(open, "").unwrap();

    let report = node.ended(id);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    let sum = 1000 + INTAKE_PER_TURN_MAX as u64;
    node.send("evil", json!({"add": 0})).unwrap();
    assert_eq!(node.query("evil", json!("sum")).unwrap(), sum);
    assert_mapped(&node, 1);
}
