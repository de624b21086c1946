//! An upgrade that was armed when its node was killed, and that no block tells of, is taken up by the next start; one that
//! has ended the node too often is not.

use crate::recovery::killed;
use crate::workshop;
use refit_abi::{Generation, Height};
use refit_admin::Node as _;
use refit_admin::api::{UpgradeReport, UpgradeState};
use refit_node::{NodeParts, Quarantine};
use refit_store::{DiskStore, RecordChange, Store as _};
use refit_tests::{Harness, same_copy};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WAIT: Duration = Duration::from_secs(60);

/// Blocks between the plan and its height: an idle node makes one each few milliseconds.
const AHEAD: u64 = 300;

/// A node whose store is in a folder, and its libraries in another.
fn node(store: &Path, libraries: &Path, quarantine: Quarantine) -> Harness {
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
