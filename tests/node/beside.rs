//! Rehearsals and what happens beside them: another rehearsal, an upgrade, an operator who wants none.

use crate::rehearsal::{command, version_2_that};
use crate::{assert_mapped, assert_serves, put, reason, workshop};
use refit_abi::Generation;
use refit_admin::api::{Phase, RehearsalReport, UpgradeState};
use refit_admin::{ApplyOptions, Bytes, Node as _, Refusal};
use refit_tests::{Harness, Workshop};
use refit_upgrade::Plan;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads that look at the node: enough that some of them wait for a processor in the middle of a look.
const LOOKERS: usize = 16;

/// Enough for any rehearsal that ends.
const LONG: Duration = Duration::from_secs(60);

/// No rehearsal: the deadline of an operator who wants none.
const UNREHEARSED: ApplyOptions = ApplyOptions {
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

/// Asks for a rehearsal, goes away in its middle, and sees that it ends although its migration does not: it would keep
/// all others out.
fn a_rehearsal_that_nobody_waits_for_ends(node: &Harness, gate: &Gate, [waits, good]: [&Plan; 2]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (handle, plan) = (node.node().clone(), serde_json::to_vec(waits).unwrap());
    runtime.unwrap().block_on(async {
        let rehearsal = handle.rehearse(Bytes::from(plan));
        let begun = gate.begun.clone();
        let begun = tokio::task::spawn_blocking(move || until_there(&begun));
        tokio::select! {
            ended = rehearsal => panic!("nothing has let it go on: {ended:?}"),
            begun = begun => begun.unwrap(),
        }
    });
    let deadline = Instant::now() + LONG;
    while let Err(busy) = node.rehearse(good) {
        assert_eq!(busy.why.code, "rehearsal-under-way");
        assert!(Instant::now() < deadline, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::remove_file(&gate.begun).unwrap();
}

/// Until a migration has written this file.
fn until_there(begun: &Path) {
    let deadline = Instant::now() + LONG;
    while !begun.exists() {
        assert!(Instant::now() < deadline, "no migration comes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A migration that waits in the middle, in whichever process: two files say so and let it go on.
struct Gate {
    variant: String,
    begun: PathBuf,
    open: PathBuf,
}

impl Gate {
    /// The gate of the test of this name.
    fn new(name: &str) -> Self {
        let file = |what: &str| {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{what}"));
            // It is there if this ran before.
            let _ = fs::remove_file(&file);
            file
        };
        Self {
            variant: format!("kv-v2-waits-{name}"),
            begun: file("begun"),
            open: file("open"),
        }
    }

    /// Version 2 of the store, with this gate in its migration.
    fn version_2(&self, workshop: &Workshop) -> PathBuf {
        let (begun, open) = (&self.begun, &self.open);
        let waits = format!(
            "std::fs::write({begun:?}, \"\").unwrap();\n\
             while !std::path::Path::new({open:?}).exists() {{\n\
                 std::thread::sleep(std::time::Duration::from_millis(5));\n\
             }}"
        );
        version_2_that(workshop, &self.variant, &waits)
    }

    /// Until the migration has come to it.
    fn wait(&self) {
        until_there(&self.begun);
    }

    fn open(&self) {
        fs::write(&self.open, "").unwrap();
    }
}

#[test]
fn an_upgrade_beside_a_plans_rehearsal_retires_its_old_code_and_the_rehearsal_says_it_is_overtaken()
{
    let workshop = workshop();
    let node = node(&workshop, LONG);
    let gate = Gate::new("beside");
    let waits = node.own_copy(&gate.version_2(&workshop));
    let waits = node.plan(&[("kv", &waits)], None).unwrap();
    let good = node.own_copy(&workshop.kv_v2());
    let good = node.plan(&[("kv", &good)], None).unwrap();

    a_rehearsal_that_nobody_waits_for_ends(&node, &gate, [&waits, &good]);
    let rehearsal = begin(&node, &waits);
    gate.wait();
    assert_eq!(
        node.rehearse(&good).unwrap_err().why.code,
        "rehearsal-under-way"
    );
    let report = node.apply_with(&good, UNREHEARSED).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert!(report.retired && report.pinned.is_empty(), "{report:?}");
    assert_mapped(&node, 1);

    gate.open();
    let overtaken = rehearsal.join().unwrap().unwrap().reason.unwrap();
    assert_eq!(overtaken.code, "rehearsal-overtaken");
    assert_eq!(overtaken.next, "plan again");
    assert_mapped(&node, 1);
    assert_serves(&node, "after");
}

#[test]
fn a_node_that_is_told_to_end_waits_for_no_plans_rehearsal_and_begins_none() {
    let workshop = workshop();
    let node = node(&workshop, LONG);
    let gate = Gate::new("ends");
    let waits = node.own_copy(&gate.version_2(&workshop));
    let waits = node.plan(&[("kv", &waits)], None).unwrap();
    let rehearsal = begin(&node, &waits);
    gate.wait();
    node.node().told_to_end();
    let report = rehearsal.join().unwrap().unwrap();
    assert!(report.reason.is_some(), "{report:?}");
    assert_eq!(node.rehearse(&waits).unwrap_err().why.code, "node-ended");
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
    let wait = |wait: Duration| ApplyOptions {
        max_pause_us: Some(60_000_000),
        rehearsal_wait_us: Some(wait.as_micros() as u64),
        ..ApplyOptions::default()
    };
    for wrong in [Duration::ZERO, Duration::from_secs(301)] {
        let refused = node.apply_with(&v2, wait(wrong)).unwrap_err();
        assert_eq!(refused.why.code, "invalid-rehearsal-wait");
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
    let options = ApplyOptions {
        max_pause_us: Some(60_000_000),
        ..UNREHEARSED
    };
    let report = node.apply_with(&v2, options).unwrap();
    assert_eq!(reason(&report).0, "pause-not-rehearsed");
    let next = report.reason.unwrap().next;
    assert!(next.contains("not with both"), "{next}");
}

#[test]
fn an_upgrade_whose_height_passes_while_it_is_rehearsed_keeps_the_phases_that_it_reached() {
    let workshop = workshop();
    let node = node(&workshop, LONG);
    let gate = Gate::new("late");
    let waits = node.own_copy(&gate.version_2(&workshop));
    let soon = node.status().height.next();
    let plan = node.plan(&[("kv", &waits)], Some(soon)).unwrap();
    let accept = ApplyOptions {
        max_pause_us: Some(60_000_000),
        ..ApplyOptions::default()
    };
    let report = std::thread::scope(|threads| {
        let applied = threads.spawn(|| node.apply_with(&plan, accept).unwrap());
        gate.wait();
        while node.status().height <= soon {
            node.send("kv", put("word", "again")).unwrap();
        }
        gate.open();
        applied.join().unwrap()
    });
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    assert_eq!(reason(&report).0, "plan-height-passed");
    let phases: Vec<Phase> = report.phases.iter().map(|step| step.phase).collect();
    assert_eq!(
        phases,
        [Phase::Staged, Phase::Probed, Phase::Rehearsed, Phase::Armed]
    );
    assert_serves(&node, "after");
}

#[test]
fn a_plan_that_is_refused_before_its_rehearsal_is_told_the_phase() {
    let workshop = workshop();
    let node = node(&workshop, LONG);
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    fs::write(&v2, "other bytes").unwrap();
    let reason = node.rehearse(&plan).unwrap().reason.unwrap();
    assert_eq!(reason.phase, Phase::Staged);
    assert_eq!(reason.code, "plan-artifact-changed");
}

#[test]
fn old_code_is_retired_although_the_node_is_looked_at_all_the_time() {
    let workshop = workshop();
    let node = node(&workshop, LONG);
    let modules = [workshop.kv_v2(), workshop.kv_v3()];
    let (looks, done) = (node.node().clone(), AtomicBool::new(false));
    let reports = std::thread::scope(|threads| {
        for _ in 0..LOOKERS {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = looks.status();
                }
            });
        }
        let reports = modules.map(|module| {
            let plan = node.plan(&[("kv", &node.own_copy(&module))], None);
            plan.map(|plan| node.apply_with(&plan, UNREHEARSED))
        });
        done.store(true, Ordering::Relaxed);
        reports
    });
    for report in reports {
        let report = report.unwrap().unwrap();
        assert!(report.retired && report.pinned.is_empty(), "{report:?}");
    }
}
