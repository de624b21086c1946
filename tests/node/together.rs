//! Several modules in one plan: all of them cross in one step, or none does.

use crate::{assert_mapped, assert_serves, put, reason, workshop};
use refit_abi::Generation;
use refit_admin::api::{Class, UpgradeState};
use refit_tests::{Harness, Source};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(crate) fn fragile() -> PathBuf {
    workshop().library("fragile", || Source::fixture("fragile"))
}

/// Other code for the same states: what it answers is greater by 1,000.
pub(crate) fn fragile_edited() -> PathBuf {
    workshop().library("fragile-edited", || {
        Source::fixture("fragile").replacing("src/lib.rs", "BASE: u64 = 0;", "BASE: u64 = 1000;")
    })
}

fn apply_both(node: &Harness, kv: &Path) -> refit_admin::api::UpgradeReport {
    let (kv, fragile) = (node.own_copy(kv), node.own_copy(&fragile_edited()));
    let plan = node
        .plan(&[("kv", &kv), ("steady", &fragile)], None)
        .unwrap();
    assert_eq!(plan.carried, Vec::<String>::new());
    node.apply(&plan).unwrap()
}

#[test]
fn two_modules_cross_in_one_step_or_neither_does() {
    let workshop = workshop();
    let engines = [
        ("steady", "steady", fragile()),
        ("kv", "kv", workshop.kv_v2()),
    ];
    let engines = engines
        .each_ref()
        .map(|(name, kind, path)| (*name, *kind, path.as_path()));
    let node = Harness::start(&workshop, &engines);
    node.send("steady", json!(5)).unwrap();
    node.send("kv", put("word", "not a number")).unwrap();
    let artifacts = |node: &Harness| node.live().kinds.into_iter().map(|kind| kind.artifact);
    let before: Vec<_> = artifacts(&node).collect();

    let report = apply_both(&node, &workshop.kv_v3_fails());
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    assert_eq!(
        reason(&report),
        ("transition-failed", "transitioned".to_owned(), Some("kv"))
    );
    assert_eq!(
        node.query("steady", Value::Null).unwrap(),
        5,
        "its old code answers"
    );
    assert!(artifacts(&node).eq(before.clone()));
    assert_eq!(node.generation(), Generation(1));
    assert_mapped(&node, 2);

    let report = apply_both(&node, &workshop.kv_v4());
    assert_eq!(
        (report.state, report.class),
        (UpgradeState::Committed, Class::Adopt)
    );
    assert_eq!(
        node.query("steady", Value::Null).unwrap(),
        1005,
        "its new code answers"
    );
    assert!(
        artifacts(&node)
            .zip(&before)
            .all(|(now, before)| now != *before)
    );
    assert!(
        node.status()
            .kinds
            .iter()
            .all(|kind| kind.generation_since == Generation(2))
    );
    assert_serves(&node, "after");
    assert_mapped(&node, 2);
}
