//! An upgrade that was armed when its node was killed, and that no block tells of, is taken up by the next start; one that
//! has ended the node too often is not.

use crate::recovery::killed;
use crate::workshop;
use parking_lot::Mutex;
use refit_abi::{Generation, Height};
use refit_admin::Node as _;
use refit_admin::api::{QuarantineEntry, QuarantineState, UpgradeReport, UpgradeState};
use refit_node::{EngineConfig, Node, NodeConfig, NodeParts, Quarantine};
use refit_store::{BlockLog as _, DiskStore, RecordChange, Store as _};
use refit_tests::{Harness, Withdraw, opened, same_copy};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WAIT: Duration = Duration::from_secs(60);

/// Blocks between the plan and its height: an idle node makes one each few milliseconds.
const AHEAD: u64 = 300;

/// A node whose store is in a folder, and its libraries in another.
pub(crate) fn node(store: &Path, libraries: &Path, quarantine: Quarantine) -> Harness {
    let parts = NodeParts::on_disk(store).unwrap();
    let library = workshop().kv_v1();
    Harness::start_on(&workshop(), &[("kv", "kv", &library)], parts, |config| {
        config.engines[0].library = same_copy(&library, libraries);
        config.workers = 1;
        config.idle_interval_ms = 5;
        config.quarantine = quarantine;
    })
}

/// The folder of a node that was killed while its upgrade waited for a height, and the height.
fn armed(libraries: &Path) -> (TempDir, Height) {
    let store = tempfile::tempdir().unwrap();
    let node = node(store.path(), libraries, Quarantine::in_memory());
    node.send("kv", crate::put("a", "before")).unwrap();
    let at = Height(node.status().height.0 + AHEAD);
    let plan = node.plan(&[("kv", &workshop().kv_v2())], Some(at)).unwrap();
    let id = node.begin(serde_json::to_string(&plan).unwrap()).unwrap();
    let deadline = Instant::now() + WAIT;
    while node.node_report(id).state != UpgradeState::Armed {
        assert!(Instant::now() < deadline, "{:?}", node.node_report(id));
        std::thread::sleep(Duration::from_millis(1));
    }
    (killed(store.path()), at)
}

/// The record of the armed upgrade, as `change` makes it.
fn change(store: &Path, change: impl FnOnce(&mut Value)) {
    let store = DiskStore::open(store).unwrap();
    let archive = store.archive().unwrap();
    let (name, content) = archive.records("upgrade/").unwrap().remove(0);
    let mut record: Value = serde_json::from_slice(&content).unwrap();
    change(&mut record);
    let content = serde_json::to_vec(&record).unwrap();
    archive
        .set_records(vec![RecordChange::put(name, content)])
        .unwrap();
}

fn last(node: &Harness) -> UpgradeReport {
    let deadline = Instant::now() + WAIT;
    loop {
        let status = node.status();
        match status.last_upgrade {
            Some(last) if status.upgrade.is_none() => return last,
            _ => assert!(Instant::now() < deadline, "it does not end"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_upgrade_that_waits_for_its_height_waits_on_over_a_kill() {
    let libraries = tempfile::tempdir().unwrap();
    let (left, at) = armed(libraries.path());
    let node = node(left.path(), libraries.path(), Quarantine::in_memory());
    let ended = last(&node);
    assert_eq!(ended.state, UpgradeState::Committed, "{ended:?}");
    assert_eq!(ended.height, Some(at));
    assert_eq!(node.generation(), Generation(2));
    assert_eq!(crate::entry(&node, "a").0, "before");
}

#[test]
fn an_upgrade_that_was_due_when_the_node_was_killed_goes_before_the_next_block_whatever_clients_send()
 {
    let libraries = tempfile::tempdir().unwrap();
    let (left, _) = armed(libraries.path());
    // As if the node had been killed in the pause: the newest block is that of the plan's height.
    let at = DiskStore::open(left.path()).unwrap().last();
    change(left.path(), |record| {
        record["plan"]["at_height"] = at.0.into()
    });
    let node = node(left.path(), libraries.path(), Quarantine::in_memory());
    // At once: the block of it would leave the upgrade's height behind.
    node.send("kv", crate::put("a", "after")).unwrap();
    let ended = last(&node);
    assert_eq!(ended.state, UpgradeState::Committed, "{ended:?}");
    assert_eq!(ended.height, Some(at));
    // The new code counts revisions.
    assert_eq!(crate::entry(&node, "a"), ("after".to_owned(), 1));
}

#[test]
fn an_upgrade_that_may_have_ended_the_node_is_tried_again_once() {
    let libraries = tempfile::tempdir().unwrap();
    let (left, _) = armed(libraries.path());
    // As if the node had been killed in the pause.
    change(left.path(), |record| {
        record["plan"]["at_height"] = Value::Null
    });
    let second = tempfile::tempdir().unwrap();
    crate::recovery::copy_all(left.path(), second.path());
    let quarantine = Quarantine::in_memory();
    let once = node(left.path(), libraries.path(), quarantine.clone());
    assert_eq!(last(&once).state, UpgradeState::Committed);
    assert_eq!(quarantine.refusing(), 0);

    change(second.path(), |record| record["attempts"] = 2.into());
    let twice = node(second.path(), libraries.path(), quarantine.clone());
    assert_eq!(twice.generation(), Generation(1));
    assert_eq!(twice.status().upgrade, None);
    assert_eq!(quarantine.refusing(), 1);
    let entry = quarantine.entries().remove(0);
    assert_eq!(entry.code, "upgrade-crashed");
    drop(twice);
    // It is forgotten: the next start tries nothing.
    let after = node(second.path(), libraries.path(), quarantine);
    assert_eq!(
        (after.generation(), after.status().upgrade),
        (Generation(1), None)
    );
    // The history says so, though the node has ended since.
    let told = after.node().upgrades();
    assert_eq!((told.len(), told[0].state), (1, UpgradeState::Refused));
    assert_eq!(told[0].reason.as_ref().unwrap().code, "upgrade-crashed");
}

#[test]
fn an_upgrade_whose_pause_did_not_end_is_told_with_its_engine_by_the_next_start() {
    let libraries = tempfile::tempdir().unwrap();
    let (left, _) = armed(libraries.path());
    let plan = {
        let store = DiskStore::open(left.path()).unwrap();
        let records = store.archive().unwrap().records("upgrade/").unwrap();
        serde_json::from_slice::<Value>(&records[0].1).unwrap()
    };
    // As the watchdog of the pause leaves it, before it has the process end.
    let quarantine = Quarantine::in_memory();
    let artifact = plan["plan"]["modules"][0]["artifact"].as_str().unwrap();
    quarantine
        .add(QuarantineEntry {
            artifacts: vec![artifact.to_owned()],
            packages: Vec::new(),
            at_ms: 0,
            height: 1,
            state: QuarantineState::Quarantined,
            code: "pause-stuck".to_owned(),
            reason: "the transition of engine kv did not return within 30.0 s".to_owned(),
        })
        .unwrap();
    let node = node(left.path(), libraries.path(), quarantine);
    let told = last(&node);
    let why = told.reason.unwrap();
    assert_eq!(
        (told.state, &*why.code),
        (UpgradeState::Refused, "pause-stuck")
    );
    assert!(why.detail.contains("engine kv"), "{why:?}");
    assert_eq!(node.generation(), Generation(1));
}

#[test]
fn an_attempt_that_the_end_of_the_node_cuts_short_is_not_counted() {
    let libraries = tempfile::tempdir().unwrap();
    let (left, _) = armed(libraries.path());
    change(left.path(), |record| {
        record["plan"]["at_height"] = Value::Null
    });
    let attempts = || {
        let store = opened(left.path());
        let records = store.archive().unwrap().records("upgrade/").unwrap();
        let record: Value = serde_json::from_slice(&records[0].1).unwrap();
        record["attempts"].as_u64().unwrap()
    };
    assert_eq!(attempts(), 1);
    for _ in 0..2 {
        let library = workshop().kv_v1();
        let mut config = NodeConfig::new(
            vec![EngineConfig {
                name: "kv".to_owned(),
                kind: Some("kv".to_owned()),
                library: same_copy(&library, libraries.path()),
                config: "{}".to_owned(),
            }],
            workshop().probe(),
        );
        let watch = Arc::new(Mutex::new(Withdraw::default()));
        config.watch = watch.clone();
        let parts = NodeParts {
            store: Arc::new(opened(left.path())),
            ..NodeParts::default()
        };
        let prepared = Node::prepare_with(config, parts).unwrap();
        let node = prepared.node().clone();
        std::thread::scope(|scope| {
            // While this is held no phase of an upgrade ends.
            let phases = watch.lock();
            let started = scope.spawn(|| prepared.start().map(drop));
            let deadline = Instant::now() + WAIT;
            while node.upgrades().is_empty() {
                assert!(Instant::now() < deadline, "it is not taken up");
                std::thread::sleep(Duration::from_millis(1));
            }
            // As a signal does, which comes on another thread.
            scope.spawn(|| node.stop());
            while node.status().is_ok() {
                assert!(Instant::now() < deadline, "it does not end");
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(phases);
            let _ = started.join().unwrap();
        });
        drop(node);
        assert_eq!(attempts(), 1);
    }
    // Counted once more, this would be the last.
    let node = node(left.path(), libraries.path(), Quarantine::in_memory());
    assert_eq!(last(&node).state, UpgradeState::Committed);
}
