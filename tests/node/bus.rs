//! The upgrade bus in a whole node: the store's index is started and filled while the upgrade runs.

use crate::{put, store, workshop};
use refit_abi::{EngineId, Generation, Height};
use refit_admin::api::{Class, UpgradeReport, UpgradeState};
use refit_tests::{Harness, Workshop};
use serde_json::{Value, json};
use std::path::Path;

/// Entries before the upgrade: more than one upgrade message brings.
const ENTRIES: u64 = 2_500;

/// Values that they share.
const VALUES: u64 = 10;

/// A node at version 1 with entries.
fn filled(workshop: &Workshop) -> Harness {
    let node = store(workshop);
    for entry in 0..ENTRIES {
        let value = format!("v{}", entry % VALUES);
        node.send("kv", put(&format!("k{entry:05}"), &value))
            .unwrap();
    }
    let expiry = json!({"expire_at": {"key": "k00000", "height": Height(u64::MAX - 1)}});
    node.send("kv", expiry).unwrap();
    node
}

fn committed(node: &Harness, to: &Path, class: Class) -> UpgradeReport {
    let report = node.upgrade("kv", &node.own_copy(to));
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(report.class, class);
    report
}

fn keys_with(node: &Harness, index: &str, value: &str) -> Vec<String> {
    let query = json!({"keys_with": {"value": value, "limit": 1_000}});
    let answer = node.query(index, query).unwrap();
    let keys = answer["keys"]["keys"].as_array().unwrap();
    let text = |key: &Value| key.as_str().unwrap().to_owned();
    keys.iter().map(text).collect()
}

fn length(node: &Harness, index: &str) -> (u64, u64) {
    let answer = node.query(index, json!("length")).unwrap();
    let count = |what: &str| answer["length"][what].as_u64().unwrap();
    (count("keys"), count("values"))
}

/// The states by engine.
fn states(node: &Harness) -> Vec<(EngineId, Vec<u8>)> {
    let mut states = node.states();
    states.sort();
    states
}

#[test]
fn a_node_two_versions_behind_comes_to_the_head_at_once_and_its_index_serves() {
    let workshop = workshop();
    let node = filled(&workshop);
    // Two steps run as one are one function.
    committed(&node, &workshop.kv_v3(), Class::MigrateByHand);
    assert_eq!(node.generation(), Generation(2));
    assert_eq!(
        node.query("kv", json!("index")).unwrap(),
        json!({"index": {"engine": "kv-index"}})
    );
    assert_eq!(length(&node, "kv-index"), (ENTRIES, VALUES));
    let with_three = keys_with(&node, "kv-index", "v3");
    assert_eq!(with_three.len() as u64, ENTRIES / VALUES);
    assert!(with_three.iter().all(|key| key.ends_with('3')));

    // From now on the store tells it of every change.
    node.send("kv", put("k00003", "changed")).unwrap();
    node.send("kv", json!({"delete": {"key": "k00013"}}))
        .unwrap();
    assert_eq!(keys_with(&node, "kv-index", "changed"), ["k00003"]);
    assert_eq!(
        keys_with(&node, "kv-index", "v3").len(),
        with_three.len() - 2
    );
    assert_eq!(length(&node, "kv-index"), (ENTRIES - 1, VALUES + 1));
    let intruder = json!({"key": "x", "before": null, "after": "y"});
    let refused = node.send("kv-index", intruder).unwrap_err();
    assert!(refused.to_string().contains("not-yours"), "{refused}");
}

#[test]
fn the_way_over_version_2_ends_in_the_very_states_of_the_way_at_once() {
    let workshop = workshop();
    let (at_once, step_by_step) = (filled(&workshop), filled(&workshop));
    committed(&at_once, &workshop.kv_v3(), Class::MigrateByHand);
    committed(&step_by_step, &workshop.kv_v2(), Class::Migrate);
    committed(&step_by_step, &workshop.kv_v3(), Class::Migrate);
    assert_eq!(states(&at_once), states(&step_by_step));
}

#[test]
fn an_upgrade_that_fails_after_it_started_an_engine_leaves_none_and_every_byte_as_it_was() {
    let workshop = workshop();
    let node = filled(&workshop);
    committed(&node, &workshop.kv_v2(), Class::Migrate);
    let taken = workshop.library("kv-v3-index-fails", || {
        refit_tests::Source::kv_v3().replacing(
            "src/index.rs",
            "        for (key, value) in fill.entries {",
            "        if self.length > 2_000 {\n            return Err(not_the_store());\n        }\n        for (key, value) in fill.entries {",
        )
    });
    let before = states(&node);
    let report = node.upgrade("kv", &taken);
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    let reason = report.reason.unwrap();
    assert_eq!(reason.code, "upgrade-message-failed");
    assert_eq!(reason.engine.as_deref(), Some("kv-index"));
    assert_eq!((node.generation(), states(&node)), (Generation(2), before));
    assert!(
        node.query("kv-index", json!("length")).is_err(),
        "it never was"
    );
    committed(&node, &workshop.kv_v3(), Class::Migrate);
    assert_eq!(length(&node, "kv-index"), (ENTRIES, VALUES));
}
