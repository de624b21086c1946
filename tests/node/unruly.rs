//! States that no derive sees to the bottom of: as deep as their data, or of types whose bytes do not read
//! back. A request that only looks never ends the node, and an upgrade changes no state silently.

use crate::rehearsal::command;
use crate::{assert_serves, workshop};
use refit_abi::{EngineId, Generation};
use refit_admin::Node as _;
use refit_admin::api::UpgradeState;
use refit_node::NodeConfig;
use refit_tests::{Harness, Source, Workshop};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Deeper than the stacks of a rehearsal's threads, in a debug build too.
const TOO_DEEP: u64 = 300_000;

/// Address space of the rehearsals, in bytes: too little for a thread with a large stack.
const REHEARSAL_BYTES: u64 = 512 << 20;

/// Deeper than a thread of the usual size could write down.
const DEEP: u64 = 20_000;

fn unruly(workshop: &Workshop) -> PathBuf {
    workshop.library("unruly", || Source::fixture("unruly"))
}

fn edited(workshop: &Workshop) -> PathBuf {
    workshop.library("unruly-edited", || {
        Source::fixture("unruly").replacing("src/lib.rs", "BASE: u64 = 0;", "BASE: u64 = 1000;")
    })
}

fn node(workshop: &Workshop) -> Harness {
    let unruly = unruly(workshop);
    let rehearse = |config: &mut NodeConfig| {
        let rehearsal = command(Duration::from_secs(60));
        config.rehearsal = Some(rehearsal.memory(REHEARSAL_BYTES));
    };
    let engines = [
        ("kv", "kv", workshop.kv_v1()),
        ("deep", "stack", unruly.clone()),
        ("other", "stack", unruly.clone()),
        ("outside", "outside", unruly),
    ];
    let engines = engines.each_ref();
    let engines = engines.map(|(name, kind, module)| (*name, *kind, module.as_path()));
    Harness::start_with(workshop, &engines, rehearse)
}

/// Brings the edited code; gives the code of the refusal, if it is one, and its text.
fn upgrade(node: &Harness, workshop: &Workshop) -> Option<(String, String)> {
    let report = node.upgrade("stack", &node.own_copy(&edited(workshop)));
    match report.state {
        UpgradeState::Committed => None,
        UpgradeState::Refused => {
            let reason = report.reason.unwrap();
            Some((reason.code, format!("{} {}", reason.detail, reason.next)))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deep_state_is_planned_captured_poisoned_and_stopped_and_the_node_serves_on() {
    let workshop = workshop();
    let node = node(&workshop);
    node.send("deep", json!({"push": DEEP})).unwrap();
    assert_eq!(upgrade(&node, &workshop), None, "ordinary depths just work");
    assert_eq!(node.query("deep", Value::Null).unwrap(), 1000 + DEEP);

    node.send("deep", json!({"push": TOO_DEEP})).unwrap();
    node.send("other", json!({"push": TOO_DEEP})).unwrap();
    let report = node.upgrade("stack", &node.own_copy(&unruly(&workshop)));
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    let reason = report.reason.unwrap();
    assert_eq!(reason.code, "state-too-deep", "{reason:?}");
    assert!(
        reason.engine.is_some() && reason.next.contains("flat"),
        "{reason:?}"
    );
    assert_serves(&node, "after the plan");

    let deep = EngineId::root("deep").unwrap();
    let captured = node.node().state(deep);
    captured.expect("the node has a thread with a large stack for it");
    assert_serves(&node, "after the capture");
    node.send("other", json!("break")).unwrap_err();
    assert_serves(&node, "after the poisoning");
    node.send("deep", json!("stop")).unwrap();
    assert_serves(&node, "after the end of the deep state");
}

#[test]
fn what_would_not_read_back_from_its_bytes_is_refused_in_the_rehearsal_and_named() {
    let workshop = workshop();
    let node = node(&workshop);
    let refused = |order: Value, back: Value, code: &str, words: &[&str]| {
        node.send("outside", order).unwrap();
        let before = node.query("outside", Value::Null).unwrap();
        let (found, text) = upgrade(&node, &workshop).unwrap();
        assert_eq!(found, code, "{text}");
        for word in words {
            assert!(text.contains(word), "{word} in: {text}");
        }
        assert_eq!(node.query("outside", Value::Null).unwrap(), before);
        assert_eq!(node.generation(), Generation(1));
        node.send("outside", back).unwrap();
    };
    let profile =
        |limit: Value, tags: Value| json!({"profile": {"limit": limit, "score": 1, "tags": tags}});
    // Without the field that is left out, the bytes read as another profile.
    refused(
        profile(Value::Null, json!([0, 0])),
        profile(json!(1), json!([])),
        "state-incomplete",
        &["`limit`", "outside", "skip_serializing_if"],
    );
    refused(
        json!({"entries": 20}),
        json!({"entries": 0}),
        "state-without-order",
        &["without an order", "`index: Index`", "BTreeMap"],
    );
    refused(
        json!({"crooked": 3}),
        json!({"crooked": 0}),
        "state-not-read-back",
        &["outside", "byte", "`crooked: Crooked`"],
    );
    assert_eq!(upgrade(&node, &workshop), None, "now it reads back");
}

/// Its state ends the process that writes it, once it holds this.
const DEADLY: u64 = 13;

#[test]
fn a_copy_that_ends_in_an_engines_code_is_told_and_the_node_serves_on() {
    let workshop = workshop();
    let deadly = |base: u64| {
        workshop.library(&format!("unruly-deadly-{base}"), || {
            let dies = format!("if self.0 == {DEADLY} {{ std::process::abort(); }}");
            let write = "serializer.serialize_u64(self.0 * 2)";
            Source::fixture("unruly")
                .replacing("src/lib.rs", write, &format!("{dies} {write}"))
                .replacing(
                    "src/lib.rs",
                    "BASE: u64 = 0;",
                    &format!("BASE: u64 = {base};"),
                )
        })
    };
    let (old, new, kv) = (deadly(0), deadly(1), workshop.kv_v1());
    let engines = [("kv", "kv", kv.as_path()), ("outside", "outside", &old)];
    let node = Harness::start_with(&workshop, &engines, |config| {
        config.rehearsal = Some(command(Duration::from_secs(60)));
    });
    node.send("outside", json!({"crooked": DEADLY})).unwrap();
    let report = node.upgrade("outside", &node.own_copy(&new));
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    let reason = report.reason.unwrap();
    assert_eq!(reason.code, "rehearsal-copy-ended", "{reason:?}");
    assert!(reason.detail.contains("signal"), "{reason:?}");
    assert!(reason.next.contains("engine's state"), "{reason:?}");
    assert_eq!(node.generation(), Generation(1));
    assert_serves(&node, "after the copy's end");
    // Nothing is left of it that would be in the way of the next one.
    node.send("outside", json!({"crooked": 0})).unwrap();
    let report = node.upgrade("outside", &node.own_copy(&new));
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
}
