//! An operator takes an upgrade back: until its gate closes it leaves all old, and makes room for another.

use crate::rehearsal::{command, version_2_that};
use crate::{assert_mapped, assert_serves, put, reason, store, workshop};
use refit_abi::{Generation, Height};
use refit_admin::api::{UPGRADE_CANCELLED, UpgradeState};
use refit_tests::{Harness, UPGRADE_WAIT_MAX, process};
use refit_upgrade::{Phase, Plan, Watch, Withdrawn};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// A height that does not come in a test.
const FAR: Height = Height(1 << 40);

/// Longest time for a rehearsal that nobody cancels.
const LONG: Duration = Duration::from_secs(300);

fn begin(node: &Harness, plan: &Plan) -> u64 {
    node.begin(serde_json::to_string(plan).unwrap()).unwrap()
}

fn wait_until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Cancels upgrade `id` to `new`, which was in `phase`: nothing of it is left.
fn assert_leaves_all_old(node: &Harness, (id, new): (u64, &Path), phase: &str) {
    let states = node.states();
    let report = node.cancel(id).unwrap().unwrap();
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    assert_eq!(reason(&report), (UPGRADE_CANCELLED, phase.to_owned(), None));
    assert_eq!(node.status().upgrade, None, "there is room for another");
    assert_eq!(node.generation(), Generation(1));
    assert_eq!(node.states(), states, "not a byte is other");
    assert_eq!(process::mappings_of(new), 0, "the new code is gone");
    assert_mapped(node, 1);
    assert_serves(node, "afterwards");
}

#[test]
fn one_that_waits_for_its_height_is_taken_back_and_another_comes_in_at_once() {
    let workshop = workshop();
    let node = store(&workshop);
    node.send("kv", put("a", "b")).unwrap();
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], Some(FAR)).unwrap();
    let id = begin(&node, &plan);
    wait_until(|| node.node_report(id).state == UpgradeState::Armed);
    assert_leaves_all_old(&node, (id, &v2), "armed");
    let urgent = node.upgrade("kv", &v2);
    assert_eq!(urgent.state, UpgradeState::Committed, "{urgent:?}");

    // A client that missed the answer gets it again; the live code stays live.
    let again = node.cancel(id).unwrap().unwrap();
    assert_eq!(again.state, UpgradeState::Refused);
    let refusal = node.cancel(urgent.id).unwrap_err();
    assert_eq!((refusal.status, &*refusal.why.code), (409, "upgrade-ended"));
    assert!(refusal.why.detail.contains("committed"), "{refusal}");
    assert_eq!(node.cancel(99).unwrap(), None);
    assert_eq!(node.generation(), Generation(2));
}

#[test]
fn one_that_is_rehearsed_is_taken_back_at_once_though_its_migration_does_not_end() {
    let workshop = workshop();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.rehearsal = Some(command(LONG));
    });
    node.send("kv", put("a", "b")).unwrap();
    let loops = version_2_that(&workshop, "kv-v2-loops", "loop { std::hint::spin_loop(); }");
    let loops = node.own_copy(&loops);
    let id = begin(&node, &node.plan(&[("kv", &loops)], None).unwrap());
    wait_until(|| node.watch().lock().seen.contains(&Phase::Probed));
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    assert_leaves_all_old(&node, (id, &loops), "rehearsed");
    assert!(start.elapsed() < LONG / 4, "{:?}", start.elapsed());
}

#[test]
fn one_that_is_staged_is_taken_back_before_its_code_is_loaded() {
    let workshop = workshop();
    let node = store(&workshop);
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    // Its thread stands at the next phase until this is let go.
    let watch = node.watch().lock();
    let id = begin(&node, &plan);
    std::thread::scope(|scope| {
        let cancelled = scope.spawn(|| node.cancel(id).unwrap().unwrap());
        std::thread::sleep(Duration::from_millis(200));
        drop(watch);
        let report = cancelled.join().unwrap();
        let reason = report.reason.unwrap();
        assert_eq!(
            (report.state, &*reason.code),
            (UpgradeState::Refused, UPGRADE_CANCELLED)
        );
    });
    assert_eq!(node.generation(), Generation(1));
    assert!(!node.watch().lock().seen.contains(&Phase::Armed));
    assert_mapped(&node, 1);
}

/// Holds the pause until the test lets it go on, and says that it does.
struct Hold {
    holds: SyncSender<()>,
    go_on: Receiver<()>,
}

impl Watch for Hold {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        if phase == Phase::Quiesced {
            self.holds.send(()).unwrap();
            self.go_on.recv().unwrap();
        }
        Ok(())
    }
}

#[test]
fn one_whose_gate_has_closed_cannot_be_taken_back_and_comes_in() {
    let workshop = workshop();
    let ((holds, held), (go, go_on)) = (sync_channel(1), sync_channel(1));
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.watch = Arc::new(parking_lot::Mutex::new(Hold { holds, go_on }));
    });
    let v2 = node.own_copy(&workshop.kv_v2());
    let id = begin(&node, &node.plan(&[("kv", &v2)], None).unwrap());
    held.recv_timeout(UPGRADE_WAIT_MAX).unwrap();
    let refusal = node.cancel(id).unwrap_err();
    go.send(()).unwrap();
    assert_eq!((refusal.status, &*refusal.why.code), (409, "gate-closed"));
    let report = node.ended(id);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
}
