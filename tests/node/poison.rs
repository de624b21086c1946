//! An engine that panics: it alone is out of service, and upgrades go on.

use crate::together::{fragile, fragile_edited};
use crate::{assert_mapped, assert_serves, workshop};
use refit_abi::EngineId;
use refit_admin::Refusal;
use refit_admin::api::{Class, EngineState, UpgradeState};
use refit_tests::Harness;
use serde_json::{Value, json};

/// A node with two fragile engines, a steady one of the same module, and a store of another.
fn node() -> Harness {
    let (workshop, fragile) = (workshop(), fragile());
    let node = Harness::start(
        &workshop,
        &[
            ("one", "fragile", &fragile),
            ("two", "fragile", &fragile),
            ("steady", "steady", &fragile),
            ("kv", "kv", &workshop.kv_v1()),
        ],
    );
    node.send("one", json!({"keep": 10})).unwrap();
    node.send("two", json!({"keep": 20})).unwrap();
    node.send("steady", json!(5)).unwrap();
    node
}

/// Tells `one` to break, which it does half-way.
fn poison_one(node: &Harness) -> Refusal {
    let steady = serde_json::to_value(EngineId::root("steady").unwrap()).unwrap();
    node.send(
        "one",
        json!({"tell_and_break": {"to": steady, "number": 7}}),
    )
    .unwrap_err()
}

fn assert_one_is_out_and_the_others_serve(node: &Harness, base: u64) {
    for refusal in [
        node.send("one", json!({"keep": 1})).unwrap_err(),
        node.query("one", Value::Null).unwrap_err(),
    ] {
        assert_eq!(
            (refusal.status, refusal.why.code.as_str()),
            (503, "engine-poisoned")
        );
        assert!(!refusal.why.next.is_empty(), "{refusal:?}");
    }
    assert_eq!(node.query("two", Value::Null).unwrap(), base + 20);
    node.send("two", json!({"keep": 20})).unwrap();
    assert_eq!(
        node.query("steady", Value::Null).unwrap(),
        base + 5,
        "it was told nothing"
    );
    assert_serves(node, "beside");
    let states = node
        .status()
        .engines
        .into_iter()
        .map(|engine| (engine.id, engine.state));
    let poisoned = states.filter(|(_, state)| *state == EngineState::Poisoned);
    assert_eq!(poisoned.map(|(id, _)| id).collect::<Vec<_>>(), ["one"]);
}

#[test]
fn a_panic_poisons_its_engine_alone_and_what_it_had_sent_is_dropped() {
    let node = node();
    let refusal = poison_one(&node);
    assert_eq!(
        (refusal.status, refusal.why.code.as_str()),
        (500, "engine-panicked")
    );
    assert!(
        refusal.why.detail.contains("told to break at 7"),
        "{refusal:?}"
    );
    assert_one_is_out_and_the_others_serve(&node, 0);
}

#[test]
fn status_says_with_which_message_of_which_code_an_engine_was_poisoned() {
    let node = node();
    assert!(node.status().poisoned.is_empty());
    poison_one(&node);
    let status = node.status();
    let [poison] = &status.poisoned[..] else {
        panic!("{:?}", status.poisoned)
    };
    assert_eq!(
        (poison.engine.as_str(), poison.kind.as_str()),
        ("one", "fragile")
    );
    let mut kinds = status.kinds.iter();
    let kind = kinds
        .find(|kind| kind.descriptor.kind == "fragile")
        .unwrap();
    let of = (kind.descriptor.version, kind.descriptor.schema);
    assert_eq!((poison.version, poison.schema), of);
    assert_eq!(poison.height, status.height);
    let sender = poison.sender.as_deref().unwrap();
    assert!(sender.starts_with("client "), "{sender}");
    assert!(poison.detail.contains("told to break at 7"), "{poison:?}");
    assert_eq!(
        (status.dead_letters.total, status.dead_letters.kept),
        (0, 0)
    );
}

#[test]
fn a_poisoned_engine_does_not_stand_in_the_way_of_an_upgrade_of_another_kind() {
    let node = node();
    poison_one(&node);
    let report = node.upgrade("kv", &node.own_copy(&workshop().kv_v2()));
    assert_eq!(
        (report.state, report.class),
        (UpgradeState::Committed, Class::Migrate)
    );
    assert_one_is_out_and_the_others_serve(&node, 0);
    assert_mapped(&node, 2);
}

#[test]
fn a_poisoned_engine_does_not_keep_the_old_code_of_its_own_kind() {
    let node = node();
    poison_one(&node);
    let report = node.upgrade("fragile", &node.own_copy(&fragile_edited()));
    assert_eq!(
        (report.state, report.class),
        (UpgradeState::Committed, Class::Adopt)
    );
    assert!(report.retired && report.pinned.is_empty(), "{report:?}");
    assert_one_is_out_and_the_others_serve(&node, 1000);
    assert_mapped(&node, 2);
}
