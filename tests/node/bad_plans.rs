//! Plans that do not fit the node: refused before anything is mapped.

use crate::{assert_mapped, assert_serves, put, reason, store, workshop};
use refit_abi::{Generation, Height};
use refit_admin::Refusal;
use refit_admin::api::UpgradeState;
use refit_tests::Harness;
use refit_upgrade::Plan;
use std::fs;

fn assert_not_taken_on(node: &Harness, plan: &Plan, status: u16, code: &str) {
    assert_refused(node.apply(plan).unwrap_err(), status, code);
}

fn assert_refused(refusal: Refusal, status: u16, code: &str) {
    assert_eq!(
        (refusal.status, refusal.why.code.as_str()),
        (status, code),
        "{refusal:?}"
    );
    assert!(
        !refusal.why.detail.is_empty() && !refusal.why.next.is_empty(),
        "{refusal:?}"
    );
}

fn assert_unharmed(node: &Harness, generation: u64) {
    assert_eq!(node.generation(), Generation(generation));
    assert_mapped(node, 1);
    assert_serves(node, "after");
}

#[test]
fn code_that_runs_already_is_refused_when_planned_and_when_a_plan_says_it_all_the_same() {
    let workshop = workshop();
    let node = store(&workshop);
    let v2 = node.own_copy(&workshop.kv_v2());
    node.upgrade("kv", &v2);
    let refused = node.plan(&[("kv", &v2)], None).unwrap_err();
    assert_eq!(refused.code, "plan-identical-code");
    assert!(refused.detail.contains(v2.to_str().unwrap()), "{refused:?}");

    let mut plan = node.plan(&[("kv", &node.own_copy(&v2))], None).unwrap();
    plan.modules[0].path = v2.to_str().unwrap().to_owned();
    plan.modules[0].artifact = node.status().kinds[0].artifact.clone();
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Refused);
    assert_eq!(
        reason(&report),
        ("plan-identical-code", "probed".to_owned(), None)
    );
    assert_unharmed(&node, 2);
}

#[test]
fn a_plan_for_another_generation_is_not_taken_on() {
    let workshop = workshop();
    let node = store(&workshop);
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    assert_eq!(node.apply(&plan).unwrap().state, UpgradeState::Committed);
    assert_not_taken_on(&node, &plan, 409, "plan-other-generation");

    // The same number, but of a node with other code.
    let other = Harness::start(&workshop, &[("kv", "kv", &workshop.kv_v2())]);
    assert_not_taken_on(&other, &plan, 409, "plan-other-generation");
    assert_unharmed(&node, 2);
    assert_unharmed(&other, 1);
}

#[test]
fn a_kind_that_nobody_has_is_refused_when_planned() {
    let workshop = workshop();
    let node = store(&workshop);
    let refused = node
        .plan(&[("ledger", &workshop.kv_v2())], None)
        .unwrap_err();
    assert_eq!(refused.code, "plan-kind-not-in-module");
    assert!(
        refused.detail.contains("ledger") && refused.detail.contains("kv"),
        "{refused:?}"
    );
    assert_unharmed(&node, 1);
}

#[test]
fn a_step_that_nobody_wrote_is_refused_when_planned() {
    let workshop = workshop();
    // Version 2 has a way back to version 1; the published version 3 has none.
    let node = Harness::start(&workshop, &[("kv", "kv", &workshop.kv_v3())]);
    let refused = node.plan(&[("kv", &workshop.kv_v2())], None).unwrap_err();
    assert_eq!(refused.code, "plan-no-way-back");
    assert!(
        refused.detail.contains("version 2"),
        "it shows the difference: {refused:?}"
    );
    assert_unharmed(&node, 1);
}

#[test]
fn a_file_that_changed_since_it_was_planned_is_refused_when_staged() {
    let workshop = workshop();
    let node = store(&workshop);
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    fs::copy(workshop.kv_v4(), &v2).unwrap();
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Refused);
    assert_eq!(
        reason(&report),
        ("plan-artifact-changed", "staged".to_owned(), None)
    );
    assert_unharmed(&node, 1);
}

#[test]
fn a_plan_that_says_another_class_than_the_code_gives_is_refused_when_probed() {
    let workshop = workshop();
    let node = store(&workshop);
    let mut plan = node
        .plan(&[("kv", &node.own_copy(&workshop.kv_v2()))], None)
        .unwrap();
    plan.modules[0].kinds[0].class = refit_upgrade::Class::Adopt;
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Refused);
    assert_eq!(
        reason(&report),
        ("plan-class-changed", "probed".to_owned(), None)
    );
    assert_unharmed(&node, 1);
}

#[test]
fn a_text_that_is_no_plan_and_a_height_that_has_passed_are_not_taken_on() {
    let workshop = workshop();
    let node = store(&workshop);
    assert_refused(
        node.begin("{\"format\": 1}".to_owned()).unwrap_err(),
        400,
        "plan-unreadable",
    );
    let height = node.send("kv", put("a", "b")).unwrap().height;
    node.send("kv", put("a", "c")).unwrap();
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], Some(height)).unwrap();
    assert_not_taken_on(&node, &plan, 409, "plan-height-passed");
    assert_unharmed(&node, 1);
}

#[test]
fn a_second_upgrade_waits_for_the_first() {
    /// Far enough that the first is still waiting when the second comes, in blocks.
    const AHEAD: u64 = 1_000;
    let workshop = workshop();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.idle_interval_ms = 2;
    });
    let v2 = node.own_copy(&workshop.kv_v2());
    let at_height = Height(node.status().height.0 + AHEAD);
    let plan = node.plan(&[("kv", &v2)], Some(at_height)).unwrap();
    let first = node.begin(serde_json::to_string(&plan).unwrap()).unwrap();
    assert_not_taken_on(&node, &plan, 409, "upgrade-under-way");
    assert_serves(&node, "meanwhile");
    let report = node.ended(first);
    assert_eq!(
        (report.state, report.height),
        (UpgradeState::Committed, Some(at_height))
    );
    assert_unharmed(&node, 2);
}
