//! A chain that is restored from a snapshot takes no release that it had left behind, and goes by no keyset that its operator does
//! not vouch for.

use super::authority::{forged, keyset, packed, revocation};
use super::{applied, import, imported, newest, next, node, node_with, plan, refused};
use crate::recovery::copy_all;
use crate::snapshots::take;
use crate::workshop;
use refit_abi::Generation;
use refit_abi::host::Explain;
use refit_admin::Node as _;
use refit_admin::api::UpgradeState;
use refit_node::snapshot::{Restore, RestoreError, Restored, SnapshotFile, Vouched};
use refit_node::{EngineConfig, Node, NodeConfig, NodeParts, StartError};
use refit_release::Keyset;
use refit_release::keyset::FirstKeyset;
use refit_store::{RecordChange, Step, Steps, Store};
use refit_tests::{Harness, Source, opened, same_copy};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_restored_chain_goes_by_its_keyset_and_takes_nothing_older_and_nothing_revoked() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = first.path().join("taken.snapshot");
    let before = node(first.path());
    let (nine, library) = next(&before, 9);
    let nine = packed(&nine, &[&library]);
    let revoked = imported(&before, nine.clone()).release.id;
    import(&before, revocation(&revoked)).unwrap();
    let (seven, library) = next(&before, 7);
    let id = imported(&before, packed(&seven, &[&library])).release.id;
    applied(&before, &plan(&before, &id).unwrap());
    assert_eq!(newest(&before), Some((1, 7)));
    take(before.node(), true, &file).unwrap();
    drop(before);

    let restored = restore_by(&file, &second.path().join("store"), by_id(&keyset(1)));
    let trust = restored.unwrap().trust.unwrap();
    assert_eq!(trust.keyset.map(|keyset| keyset.version), Some(1));
    assert_eq!(trust.revoked, 1);
    // No configuration names a keyset.
    let after = node_with(second.path(), |config| config.keyset = None);
    assert_eq!(newest(&after), Some((1, 7)));
    let (six, library) = next(&after, 6);
    refused(import(&after, packed(&six, &[&library])), "release-older");
    refused(import(&after, nine), "release-revoked");
    let (eight, library) = next(&after, 8);
    imported(&after, packed(&eight, &[&library]));
    assert_eq!(after.node().keyset().unwrap().version, 1);
}

/// A node with one store of version 1, and an engine beside it that keeps the crew which has run it from ending.
fn lingering(folder: &Path) -> Harness {
    let workshop = workshop();
    let parting = workshop.library("parting", || Source::fixture("parting"));
    let (store, kv) = (folder.join("store"), workshop.kv_v1());
    let parts = NodeParts {
        store: Arc::new(opened(&store)),
        ..NodeParts::default()
    };
    let engines = [("kv", "kv", kv.as_path()), ("last", "parting", &parting)];
    Harness::start_on(&workshop, &engines, parts, |config| {
        config.workers = 1;
        config.data_dir = Some(folder.to_owned());
        config.keyset = Some(keyset(1));
    })
}

#[test]
fn a_snapshot_taken_before_the_old_crew_has_ended_knows_the_release_that_is_live() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taken.snapshot");
    let node = lingering(folder.path());
    node.send("last", json!("linger")).unwrap();
    let (seven, library) = next(&node, 7);
    let id = imported(&node, packed(&seven, &[&library])).release.id;
    let plan = serde_json::to_string(&plan(&node, &id).unwrap()).unwrap();
    let upgrade = node.begin(plan).unwrap();
    while node.node_report(upgrade).state != UpgradeState::Committed {
        std::thread::sleep(Duration::from_millis(2));
    }
    take(node.node(), true, &file).unwrap();
    assert_eq!(newest(&node), None, "the old crew has ended too soon");
    let file = SnapshotFile::open(&file).unwrap();
    assert_eq!(file.header().generation, Generation(2));
    let carried = file.trust().unwrap().and_then(|trust| trust.newest);
    assert_eq!(carried.map(|newest| newest.id), Some(id));
    assert_eq!(node.ended(upgrade).state, UpgradeState::Committed);
    assert_eq!(newest(&node), Some((1, 7)));
}

/// Copies a store as it is when the checkpoint of a restore is about to have its name.
struct Killed {
    store: PathBuf,
    to: PathBuf,
}

impl Steps for Killed {
    fn at(&self, step: Step<'_>) {
        if step.to_string() == "keep-begins" {
            copy_all(&self.store, &self.to);
        }
    }
}

#[test]
fn a_restore_that_was_killed_leaves_nobody_who_is_trusted() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, other) = (first.path().join("one"), first.path().join("other"));
    let before = node(first.path());
    take(before.node(), true, &file).unwrap();
    drop(before);
    let without = tempfile::tempdir().unwrap();
    let before = node_with(without.path(), |config| config.keyset = None);
    take(before.node(), true, &other).unwrap();
    drop(before);

    let (whole, cut) = (second.path().join("whole"), second.path().join("store"));
    let killed = Killed {
        store: whole.clone(),
        to: cut.clone(),
    };
    let restore = Restore {
        file: &file,
        libraries: &[],
        vouched: by_id(&keyset(1)),
    };
    let restorable = restore.check().unwrap();
    restorable
        .into_store_heard(&whole, Arc::new(killed))
        .unwrap();
    let kept = |store: &Path| {
        let store = opened(store);
        store.archive().unwrap().records("trust/").unwrap().len()
    };
    assert_eq!((kept(&whole), kept(&cut)), (1, 0));
    // What stands there of before goes with another restore.
    let put = RecordChange::put("trust/keyset", keyset(1));
    opened(&cut)
        .archive()
        .unwrap()
        .set_records(vec![put])
        .unwrap();
    restore_by(&other, &cut, Vouched::Nobody).unwrap();
    assert_eq!(kept(&cut), 0);
    let after = node_with(second.path(), |config| config.keyset = None);
    refused(after.node().keyset(), "keyset-missing");
}

/// A snapshot of a node that goes by these keysets, the last one in force.
pub(super) fn taken_by(keysets: &[Vec<u8>], file: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let node = node_with(folder.path(), |config| config.keyset = None);
    for keyset in keysets {
        node.node().install_keyset(keyset).unwrap();
    }
    take(node.node(), true, file).unwrap();
}

fn trusted(bytes: &[u8]) -> Keyset {
    FirstKeyset::read(bytes).unwrap().trust().unwrap()
}

pub(super) fn by_id(bytes: &[u8]) -> Vouched<'static> {
    Vouched::Id(trusted(bytes).id())
}

pub(super) fn restore_by(
    file: &Path,
    store: &Path,
    vouched: Vouched<'_>,
) -> Result<Restored, RestoreError> {
    let restore = Restore {
        file,
        libraries: &[],
        vouched,
    };
    restore.check()?.into_store(store)
}

#[test]
fn a_keyset_of_a_snapshot_is_taken_over_only_if_the_operator_vouches_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (whole, foreign) = (path("whole"), path("foreign"));
    taken_by(&[keyset(1), keyset(2), keyset(3)], &whole);
    taken_by(&[forged()], &foreign);
    let (first, third, fourth) = (
        trusted(&keyset(1)),
        trusted(&keyset(3)),
        trusted(&keyset(4)),
    );
    let refuses = |file: &Path, vouched: Vouched<'_>| {
        let error = restore_by(file, &path("never"), vouched).unwrap_err();
        assert_eq!(error.code(), "snapshot-keyset-untrusted", "{error}");
        assert!(!path("never").exists());
        error
    };
    let error = refuses(&whole, Vouched::Nobody);
    let id = third.id().to_string();
    assert!(error.to_string().contains(&id), "{error}");
    let next = error.next().into_owned();
    assert!(next.contains(&format!("--trust-keyset {id}")), "{next}");
    refuses(&whole, Vouched::Id(first.id()));
    refuses(&foreign, Vouched::Nobody);
    refuses(&foreign, Vouched::Keyset(&first));

    let goes_by = |store: &str, vouched: Vouched<'_>| {
        let restored = restore_by(&whole, &path(store), vouched).unwrap();
        restored.trust.unwrap().keyset.unwrap().version
    };
    assert_eq!(goes_by("same", Vouched::Keyset(&third)), 3);
    assert_eq!(goes_by("named", Vouched::Id(third.id())), 3);
    // An older one leads to it, and a later one takes its place.
    assert_eq!(goes_by("older", Vouched::Keyset(&first)), 3);
    assert_eq!(goes_by("later", Vouched::Keyset(&fourth)), 4);
}

#[test]
fn a_node_does_not_start_on_a_keyset_that_the_configured_one_has_not_led_to() {
    let (file, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = file.path().join("foreign");
    taken_by(&[forged()], &file);
    restore_by(&file, &folder.path().join("store"), by_id(&forged())).unwrap();
    let error = begun(folder.path()).map(drop).unwrap_err();
    assert_eq!(error.code(), "keyset-unrelated", "{error}");
}

/// A node that starts in this folder, by the first keyset.
pub(super) fn begun(folder: &Path) -> Result<Arc<Node>, StartError> {
    let workshop = workshop();
    let library = workshop.kv_v1();
    let engine = EngineConfig {
        name: "kv".to_owned(),
        kind: Some("kv".to_owned()),
        library: same_copy(&library, folder),
        config: "{}".to_owned(),
    };
    let mut config = NodeConfig::new(vec![engine], workshop.probe());
    config.keyset = Some(keyset(1));
    config.live_code = true;
    let parts = NodeParts {
        store: Arc::new(opened(&folder.join("store"))),
        ..NodeParts::default()
    };
    Node::start_with(config, parts)
}
