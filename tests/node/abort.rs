//! A transition that fails: the old generation goes on as if nothing had happened.

use crate::{assert_mapped, assert_serves, entry, put, reason, store, workshop};
use refit_abi::Generation;
use refit_admin::api::{Class, Reason, UpgradeState};
use refit_tests::{Harness, Source, process};
use std::path::Path;

/// Brings `bad` to a node of version 2 with a value that is no number; all of it is as before.
fn assert_aborted(node: &Harness, bad: &Path, code: &str) -> Reason {
    node.send("kv", put("word", "not a number")).unwrap();
    let (before, generation) = (node.states(), node.generation());
    let report = node.upgrade("kv", bad);
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    assert_eq!(
        reason(&report),
        (code, "transitioned".to_owned(), Some("kv"))
    );
    assert_eq!(node.generation(), generation);
    assert_eq!(node.states(), before, "not a byte is other");
    assert_eq!(process::mappings_of(bad), 0, "the new code is gone");
    assert!(report.retired, "{report:?}");
    assert_mapped(node, 1);
    assert_serves(node, "after");
    report.reason.unwrap()
}

#[test]
fn a_migration_that_fails_changes_nothing_and_the_next_upgrade_commits() {
    let workshop = workshop();
    let node = Harness::start(&workshop, &[("kv", "kv", &workshop.kv_v2())]);
    let v3 = node.own_copy(&workshop.kv_v3_fails());
    let reason = assert_aborted(&node, &v3, "transition-failed");
    assert_eq!(reason.key.as_deref(), Some("word"), "{reason:?}");

    let report = node.upgrade("kv", &node.own_copy(&workshop.kv_v4()));
    assert_eq!(
        (report.state, report.class),
        (UpgradeState::Committed, Class::Adopt)
    );
    assert_eq!((report.from, report.to), (Generation(1), Generation(2)));
    assert_eq!(entry(&node, "word").0, "not a number");
    assert_serves(&node, "later");
    assert_mapped(&node, 1);
}

#[test]
fn a_migration_that_panics_changes_nothing_and_the_next_upgrade_commits() {
    let workshop = workshop();
    let panics = workshop.library("kv-v2-panics", || {
        Source::kv_v2().replacing(
            "src/state.rs",
            "let entry = |value: &String|",
            "assert!(old.entries.is_empty(), \"the author did not think of this\");\n    \
             let entry = |value: &String|",
        )
    });
    let node = store(&workshop);
    let panics = node.own_copy(&panics);
    assert_aborted(&node, &panics, "transition-panicked");

    let report = node.upgrade("kv", &node.own_copy(&workshop.kv_v2()));
    assert_eq!(
        (report.state, report.class),
        (UpgradeState::Committed, Class::Migrate)
    );
    assert_eq!(entry(&node, "word"), ("not a number".to_owned(), 0));
    assert_serves(&node, "later");
}

#[test]
fn of_a_fault_without_end_as_much_is_kept_as_people_can_read() {
    let workshop = workshop();
    let talks = workshop.library("kv-v2-talks-without-end", || {
        Source::kv_v2().replacing(
            "src/state.rs",
            "let entry = |value: &String|",
            "if !old.entries.is_empty() {\n        \
                 return Err(refit_abi::Fault::new(\"talks\", \"words \".repeat(16 << 20)));\n    \
             }\n    let entry = |value: &String|",
        )
    });
    let node = store(&workshop);
    let talks = node.own_copy(&talks);
    let reason = assert_aborted(&node, &talks, "transition-failed");
    assert!(reason.detail.len() < 5_000, "{} bytes", reason.detail.len());
    assert!(reason.detail.contains("bytes more) (talks)"));
}
