//! An upgrade that is given up at a phase: all old or all new, never between.

use crate::rehearsal::command;
use crate::{assert_mapped, assert_serves, entry, put, reason, workshop};
use refit_abi::Generation;
use refit_admin::api::UpgradeState;
use refit_tests::{Harness, UPGRADE_WAIT_MAX, process};
use refit_upgrade::Phase;
use std::path::Path;

/// Withdraws an upgrade to version 2 at `phase`; gives the node and the new module's file.
fn withdrawn_at(phase: Phase) -> (Harness, std::path::PathBuf) {
    let workshop = workshop();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.rehearsal = Some(command(UPGRADE_WAIT_MAX));
    });
    for number in 0..20 {
        node.send("kv", put(&format!("key-{number}"), "before"))
            .unwrap();
    }
    let v2 = node.own_copy(&workshop.kv_v2());
    node.watch().lock().at = Some(phase);
    (node, v2)
}

/// Asserts that the node is unharmed with one module, and that an upgrade to `next` brings it to version 2 or
/// keeps it there.
fn assert_whole(node: &Harness, next: &Path) {
    assert_mapped(node, 1);
    assert_serves(node, "between");
    node.watch().lock().at = None;
    let generation = node.generation();
    let report = node.upgrade("kv", next);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(node.generation(), generation.next());
    assert_eq!(entry(node, "key-7"), ("before".to_owned(), 0));
    assert_serves(node, "at-the-end");
    assert_mapped(node, 1);
    assert!(process::mappings_of(next) > 0);
}

fn assert_leaves_all_old(phase: Phase, state: UpgradeState) {
    let (node, v2) = withdrawn_at(phase);
    let states = node.states();
    let report = node.upgrade("kv", &v2);
    assert_eq!(report.state, state, "{report:?}");
    assert_eq!(reason(&report), ("withdrawn", phase.to_string(), None));
    assert!(report.retired && report.pinned.is_empty(), "{report:?}");
    let seen = std::mem::take(&mut node.watch().lock().seen);
    assert!(!seen.contains(&Phase::Committed), "{seen:?}");
    assert_eq!(node.generation(), Generation(1));
    assert_eq!(node.states(), states, "not a byte is other");
    assert_eq!(process::mappings_of(&v2), 0, "the new code is gone");
    // The very same file is welcome the next time.
    assert_whole(&node, &v2);
}

fn assert_comes_too_late(phase: Phase) {
    let (node, v2) = withdrawn_at(phase);
    let report = node.upgrade("kv", &v2);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(node.watch().lock().seen, Phase::ALL);
    assert_eq!(node.generation(), Generation(2));
    assert!(report.retired && report.reason.is_none(), "{report:?}");
    assert!(process::mappings_of(&v2) > 0);
    let v4 = node.own_copy(&workshop().kv_v4());
    assert_whole(&node, &v4);
}

#[test]
fn given_up_when_staged_it_leaves_all_old() {
    assert_leaves_all_old(Phase::Staged, UpgradeState::Refused);
}

#[test]
fn given_up_when_probed_it_leaves_all_old() {
    assert_leaves_all_old(Phase::Probed, UpgradeState::Refused);
}

#[test]
fn given_up_when_rehearsed_it_leaves_all_old() {
    assert_leaves_all_old(Phase::Rehearsed, UpgradeState::Refused);
}

#[test]
fn given_up_when_armed_it_leaves_all_old() {
    assert_leaves_all_old(Phase::Armed, UpgradeState::Refused);
}

#[test]
fn given_up_when_quiesced_it_leaves_all_old() {
    assert_leaves_all_old(Phase::Quiesced, UpgradeState::Aborted);
}

#[test]
fn given_up_when_transitioned_it_leaves_all_old() {
    assert_leaves_all_old(Phase::Transitioned, UpgradeState::Aborted);
}

#[test]
fn given_up_when_committed_it_is_all_new() {
    assert_comes_too_late(Phase::Committed);
}

#[test]
fn given_up_when_resumed_it_is_all_new() {
    assert_comes_too_late(Phase::Resumed);
}

#[test]
fn given_up_when_retired_it_is_all_new() {
    assert_comes_too_late(Phase::Retired);
}
