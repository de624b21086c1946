//! Rehearsals and what happens beside them: another rehearsal, an upgrade, an operator who wants none.

use crate::rehearsal::{command, version_2_that};
use crate::{assert_mapped, assert_serves, put, reason, workshop};
use refit_abi::Generation;
use refit_admin::api::{Phase, RehearsalReport, UpgradeState};
use refit_admin::{Bytes, Node as _, Refusal, Wishes};
use refit_tests::{Harness, Workshop};
use refit_upgrade::Plan;
use std::fs;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Enough for any rehearsal that ends.
const LONG: Duration = Duration::from_secs(60);

/// No rehearsal: the deadline of an operator who wants none.
const UNREHEARSED: Wishes = Wishes {
    max_pause_us: None,
    no_rehearsal: true,
    rehearsal_wait_us: None,
};

/// A node with one entry in its store of version 1.
fn node(workshop: &Workshop, deadline: Duration) -> Harness {
    let node = Harness::start_with(workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.rehearsal = Some(command(deadline));
        // Nothing that is rehearsed may happen.
        config.max_pause = Some(Duration::ZERO);
    });
    node.send("kv", put("word", "kept")).unwrap();
    node
}

/// A plan's rehearsal on a thread of its own.
fn begin(node: &Harness, plan: &Plan) -> JoinHandle<Result<RehearsalReport, Refusal>> {
    let (node, plan) = (node.node().clone(), serde_json::to_vec(plan).unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(node.rehearse(Bytes::from(plan)))
    })
}

fn wait_for(file: &Path) {
    let deadline = Instant::now() + LONG;
    while !file.exists() {
        assert!(
            Instant::now() < deadline,
            "{} does not come",
            file.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_upgrade_beside_a_plans_rehearsal_retires_its_old_code_and_the_rehearsal_says_it_is_overtaken()
{
    let workshop = workshop();
    let node = node(&workshop, LONG);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (begun, go) = (folder.join("rehearsal-begun"), folder.join("rehearsal-go"));
    for file in [&begun, &go] {
        // It is there if this ran before.
        let _ = fs::remove_file(file);
    }
    let waits = format!(
        "std::fs::write({begun:?}, \"\").unwrap();\n\
         while !std::path::Path::new({go:?}).exists() {{ std::thread::sleep(std::time::Duration::from_millis(5)); }}"
    );
    let waits = version_2_that(&workshop, "kv-v2-waits", &waits);
    let waits = node.plan(&[("kv", &node.own_copy(&waits))], None).unwrap();
    let good = node.own_copy(&workshop.kv_v2());
    let good = node.plan(&[("kv", &good)], None).unwrap();

    let rehearsal = begin(&node, &waits);
    wait_for(&begun);
    assert_eq!(
        node.rehearse(&good).unwrap_err().code,
        "rehearsal-under-way"
    );
    let report = node.apply_with(&good, UNREHEARSED).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert!(report.retired && report.pinned.is_empty(), "{report:?}");
    assert_mapped(&node, 1);

    fs::write(&go, "").unwrap();
    let overtaken = rehearsal.join().unwrap().unwrap().reason.unwrap();
    assert_eq!(overtaken.code, "rehearsal-overtaken");
    assert_eq!(overtaken.next, "plan again");
    assert_mapped(&node, 1);
    assert_serves(&node, "after");
}

#[test]
fn an_upgrade_whose_rehearsals_never_end_in_time_commits_for_whoever_wants_none() {
    let workshop = workshop();
    let node = node(&workshop, Duration::ZERO);
    let plan = |module: &Path| node.plan(&[("kv", &node.own_copy(module))], None).unwrap();
    let v2 = plan(&workshop.kv_v2());
    let refused = node.apply(&v2).unwrap();
    assert_eq!(reason(&refused).0, "rehearsal-timeout");
    let report = node.apply_with(&v2, UNREHEARSED).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    let phases = report.phases.iter();
    assert!(
        !phases
            .map(|step| step.phase)
            .any(|phase| phase == Phase::Rehearsed)
    );
    assert_eq!(report.predicted_us, None);
    assert_serves(&node, "after");
}

#[test]
fn whoever_applies_may_give_a_rehearsal_more_time_within_bounds() {
    let workshop = workshop();
    let node = node(&workshop, Duration::ZERO);
    let v2 = node.own_copy(&workshop.kv_v2());
    let v2 = node.plan(&[("kv", &v2)], None).unwrap();
    let wait = |wait: Duration| Wishes {
        max_pause_us: Some(60_000_000),
        rehearsal_wait_us: Some(wait.as_micros() as u64),
        ..Wishes::default()
    };
    for wrong in [Duration::ZERO, Duration::from_secs(301)] {
        let refused = node.apply_with(&v2, wait(wrong)).unwrap_err();
        assert_eq!(refused.code, "invalid-rehearsal-wait");
    }
    assert_eq!(node.generation(), Generation(1));
    let report = node.apply_with(&v2, wait(LONG)).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert!(report.predicted_us.is_some());
}

#[test]
fn a_bound_on_the_pause_and_no_rehearsal_are_not_wanted_at_once() {
    let workshop = workshop();
    let node = node(&workshop, LONG);
    let v2 = node.own_copy(&workshop.kv_v2());
    let v2 = node.plan(&[("kv", &v2)], None).unwrap();
    let wishes = Wishes {
        max_pause_us: Some(60_000_000),
        ..UNREHEARSED
    };
    let report = node.apply_with(&v2, wishes).unwrap();
    assert_eq!(reason(&report).0, "pause-not-rehearsed");
    let next = report.reason.unwrap().next;
    assert!(next.contains("not with both"), "{next}");
}
