//! A transition that does not return in the pause: the watcher is called, the code goes into
//! quarantine, and is refused from then on.

use crate::rehearsal::version_2_that;
use crate::{assert_mapped, assert_serves, put, workshop};
use parking_lot::Mutex;
use refit_abi::Generation;
use refit_admin::api::{QuarantineState, UpgradeState};
use refit_admin::{Node as _, Refusal};
use refit_node::{Quarantine, StuckPause};
use refit_tests::{Harness, Source, process};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest pause in this test.
const LIMIT: Duration = Duration::from_millis(200);

/// A migration that comes back long after the limit: in a test, nothing restarts the process.
const SLOW: &str = "let begin = std::time::Instant::now();\n\
                    while begin.elapsed() < std::time::Duration::from_secs(2) {}";

#[test]
fn a_transition_that_does_not_return_quarantines_its_code_and_calls_for_a_restart() {
    let workshop = workshop();
    let slow = version_2_that(&workshop, "kv-v2-slow", SLOW);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("quarantine.json");
    let calls: Arc<Mutex<Vec<(StuckPause, Instant)>>> = Arc::default();
    let called = calls.clone();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.pause_limit = LIMIT;
        config.call_limit = LIMIT;
        config.quarantine = Quarantine::open(list.clone()).unwrap();
        config.on_stuck = Some(Arc::new(move |stuck| {
            called.lock().push((stuck.clone(), Instant::now()));
        }));
    });
    node.send("kv", put("word", "kept")).unwrap();
    let states = node.states();
    let slow = node.own_copy(&slow);
    let plan = node.plan(&[("kv", &slow)], None).unwrap();
    let looking = until_not_ready(&node);
    let report = node.apply(&plan).unwrap();
    assert_eq!(looking.join().unwrap().why.code, "node-busy");
    assert_eq!(node.node().ready(), Ok(()), "it is over");

    let (stuck, when) = calls.lock()[0].clone();
    assert!(
        when.elapsed() > Duration::from_secs(1),
        "called while it was stuck"
    );
    assert_eq!(stuck.engines, ["kv"]);
    assert_eq!(stuck.artifacts, [plan.modules[0].artifact.as_str()]);
    assert!(stuck.lasted >= LIMIT && Some(stuck.height) == report.height);
    assert_eq!(calls.lock().len(), 1, "called once");

    // It came back after all, and is given up.
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    assert_eq!(report.reason.unwrap().code, "pause-stuck");
    assert_eq!((node.generation(), node.states()), (Generation(1), states));
    assert_eq!(process::mappings_of(&slow), 0);
    assert_serves(&node, "after");
    assert_mapped(&node, 1);

    let refused = node.apply(&plan).unwrap_err();
    assert_eq!(refused.why.code, "release-quarantined");
    assert!(refused.why.detail.contains("quarantine.json"), "{refused}");
    let entries = Quarantine::open(list).unwrap().entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].state, QuarantineState::Quarantined);
    assert!(entries[0].reason.contains("engine kv"), "{entries:?}");
    assert_eq!(node.status().quarantined, 1);
    let metrics = node.node().metrics().encode();
    assert!(
        metrics.lines().any(|line| line == "refit_quarantined 1"),
        "{metrics}"
    );

    // Cleared by hand, it is taken on again.
    assert_eq!(node.node().clear_quarantine(&stuck.artifacts[0]), Ok(1));
    assert_eq!(node.status().quarantined, 0);
    assert!(node.begin(serde_json::to_string(&plan).unwrap()).is_ok());
}

/// Looks on until the node says that it is not ready; gives what it says.
fn until_not_ready(node: &Harness) -> JoinHandle<Refusal> {
    let node = node.node().clone();
    std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Err(refusal) = node.ready() {
                return refusal;
            }
            assert!(Instant::now() < deadline, "it is ready all through");
            std::thread::sleep(Duration::from_millis(5));
        }
    })
}

#[test]
fn an_upgrade_that_fails_by_itself_is_on_record_and_may_be_applied_again() {
    let workshop = workshop();
    let node = Harness::start(&workshop, &[("kv", "kv", &workshop.kv_v2())]);
    node.send("kv", put("word", "not a number")).unwrap();
    let v3 = node.own_copy(&workshop.kv_v3_fails());
    assert_eq!(node.upgrade("kv", &v3).state, UpgradeState::Aborted);
    let entries = node.node().quarantine();
    assert_eq!(entries[0].state, QuarantineState::Failed);
    assert_eq!(entries[0].code, "transition-failed");
    assert_eq!(node.upgrade("kv", &v3).state, UpgradeState::Aborted);
    assert_eq!(node.node().quarantine().len(), 1);
}

#[test]
fn only_the_code_that_did_not_return_goes_into_quarantine_and_what_came_with_it_may_come_again() {
    let workshop = workshop();
    let slow = version_2_that(&workshop, "kv-v2-slow", SLOW);
    let engines = [
        ("kv", "kv", workshop.kv_v1()),
        ("accounts", "accounts", workshop.accounts_v1()),
    ];
    let engines = engines
        .each_ref()
        .map(|(name, kind, path)| (*name, *kind, path.as_path()));
    let node = Harness::start_with(&workshop, &engines, |config| {
        config.pause_limit = LIMIT;
        config.on_stuck = Some(Arc::new(|_| {}));
    });
    node.send("kv", put("word", "kept")).unwrap();
    let (slow, accounts) = (node.own_copy(&slow), node.own_copy(&workshop.accounts_v2()));
    let plan = node.plan(&[("kv", &slow), ("accounts", &accounts)], None);
    let plan = plan.unwrap();
    assert_eq!(node.apply(&plan).unwrap().state, UpgradeState::Aborted);
    let entries = node.node().quarantine();
    assert_eq!(entries[0].artifacts, [plan.modules[0].artifact.as_str()]);
    let alone = node.plan(&[("accounts", &accounts)], None).unwrap();
    assert_eq!(node.apply(&alone).unwrap().state, UpgradeState::Committed);
    let again = node.plan(&[("kv", &slow)], None).unwrap();
    assert_eq!(
        node.apply(&again).unwrap_err().why.code,
        "release-quarantined"
    );
}

#[test]
fn a_node_that_is_busy_says_so_and_is_not_taken_for_one_that_has_ended() {
    let workshop = workshop();
    let sleeps = workshop.library("kv-v1-sleeps", || {
        Source::kv_v1().replacing(
            "src/engine.rs",
            "        match message {",
            "        if matches!(&message, Message::Put { key, .. } if key == \"sleep\") {\n            \
                 std::thread::sleep(std::time::Duration::from_secs(5));\n        \
             }\n        match message {",
        )
    });
    let node = Harness::start(&workshop, &[("kv", "kv", &sleeps)]);
    let plan = node.plan(&[("kv", &node.own_copy(&workshop.kv_v2()))], None);
    let plan = serde_json::to_string(&plan.unwrap()).unwrap();
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| node.send("kv", put("sleep", "well")).unwrap());
        let begin = Instant::now();
        let busy = std::iter::repeat_with(|| node.node().status().unwrap())
            .take_while(|_| begin.elapsed() < Duration::from_secs(30))
            .find(|status| status.engines_at.is_some());
        assert!(busy.unwrap().engines_at.is_some(), "it says what it knew");
        assert_eq!(node.begin(plan.clone()).unwrap_err().why.code, "node-busy");
        sleeper.join().unwrap();
    });
    assert!(node.begin(plan).is_ok(), "it has not ended");
}
