//! A node with real modules, from end to end: what it promises its clients, its operators and the
//! authors of its engines. One program, so that it is linked once.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod abort;
mod accounts;
mod bad_files;
mod bad_plans;
mod batches;
mod beside;
mod bus;
mod cancelled;
mod capture;
mod carried;
mod clock;
mod configuration;
mod crossing;
mod determinism;
mod durable;
mod endless_rounds;
mod endurance;
mod events;
mod fixed_blocks;
mod from_config;
mod keyed_kept;
mod keyed_orders;
mod large_replies;
mod life_histories;
mod lost;
mod memory;
mod migrate_back;
mod offline;
mod offline_node;
mod orders;
mod poison;
mod power;
mod recovery;
mod rehearsal;
mod released;
mod requests;
mod revive;
mod rollback;
mod shadow;
mod snapshots;
mod state_hash;
mod stuck;
mod swap;
mod taken;
mod taken_up;
mod timers;
mod together;
mod told_first;
mod translate;
mod undecided;
mod unruly;
mod waiting;
mod withdrawal;

use refit_admin::api::UpgradeReport;
use refit_tests::{Harness, Workshop};
use serde_json::{Value, json};
use std::path::Path;

/// The workshop that builds the modules of these tests, and their probe.
fn workshop() -> Workshop {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workshop");
    Workshop::new(root, env!("CARGO_BIN_EXE_refit-test-probe"))
}

/// A node with one store of version 1.
fn store(workshop: &Workshop) -> Harness {
    Harness::start(workshop, &[("kv", "kv", &workshop.kv_v1())])
}

fn put(key: &str, value: &str) -> Value {
    json!({"put": {"key": key, "value": value}})
}

fn get(key: &str) -> Value {
    json!({"get": {"key": key}})
}

/// The value and revision of a key.
fn entry(node: &Harness, key: &str) -> (String, u64) {
    let answer = node.query("kv", get(key)).unwrap();
    let entry = &answer["value"]["entry"];
    (
        entry["value"].as_str().unwrap().to_owned(),
        entry["revision"].as_u64().unwrap(),
    )
}

/// Asserts that the node serves: it stores a value and reads it back.
fn assert_serves(node: &Harness, key: &str) {
    node.send("kv", put(key, "served")).unwrap();
    assert_eq!(entry(node, key).0, "served");
}

/// Asserts that all modules of the node are in use: none is left mapped, none is pinned.
fn assert_mapped(node: &Harness, modules: u64) {
    let libraries = node.status().libraries;
    assert_eq!(
        (libraries.mapped, libraries.pinned),
        (modules, 0),
        "{libraries:?}"
    );
}

/// The code, the phase and the engine of the reason why an upgrade did not happen.
fn reason(report: &UpgradeReport) -> (&str, String, Option<&str>) {
    let reason = report.reason.as_ref().unwrap();
    assert!(
        !reason.detail.is_empty() && !reason.next.is_empty(),
        "{reason:?}"
    );
    (
        reason.code.as_str(),
        reason.phase.to_string(),
        reason.engine.as_deref(),
    )
}
