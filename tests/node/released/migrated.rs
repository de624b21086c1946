//! A snapshot that is upgraded by the plan of a release has that release as the newest, and takes none that a node would not.

use super::authority::{keyset, packed, revocation};
use super::{applied, import, imported, newest, next, node, node_with, plan, refused};
use crate::offline::migrate;
use crate::snapshots::take;
use refit_abi::Generation;
use refit_abi::host::Explain;
use refit_node::offline::{Coming, MigrateError};
use refit_node::snapshot::{Restore, SnapshotFile, Vouched};
use refit_release::keyset::FirstKeyset;
use refit_tests::Harness;
use refit_upgrade::Plan;
use std::path::Path;

/// The plan of the release with this number, which is imported.
fn planned(node: &Harness, sequence: u64) -> (String, Plan) {
    let (manifest, library) = next(node, sequence);
    let id = imported(node, packed(&manifest, &[&library])).release.id;
    let plan = plan(node, &id).unwrap();
    (id, plan)
}

fn by(plan: &Plan) -> Coming {
    Coming::Plan(Box::new(plan.clone()))
}

fn restore(file: &Path, store: &Path) {
    let trusted = FirstKeyset::read(&keyset(1)).unwrap().trust().unwrap();
    let restore = Restore {
        file,
        libraries: &[],
        vouched: Vouched::Id(trusted.id()),
    };
    restore.check().unwrap().into_store(store).unwrap();
}

#[test]
fn a_chain_goes_on_from_a_snapshot_that_a_release_has_upgraded_and_takes_nothing_older() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (before, after) = (first.path().join("before"), first.path().join("after"));
    let old = node(first.path());
    let (id, three) = planned(&old, 3);
    take(old.node(), true, &before).unwrap();
    migrate(&before, &after, &by(&three)).unwrap();
    drop(old);
    let carried = SnapshotFile::open(&after).unwrap().trust().unwrap();
    assert_eq!(carried.unwrap().newest.map(|newest| newest.id), Some(id));

    restore(&after, &second.path().join("store"));
    let new = node_with(second.path(), |config| config.keyset = None);
    assert_eq!(new.generation(), Generation(2));
    assert_eq!(newest(&new), Some((1, 3)));
    let (two, library) = next(&new, 2);
    refused(import(&new, packed(&two, &[&library])), "release-older");
}

#[test]
fn a_release_that_is_older_or_revoked_or_none_upgrades_no_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let node = node(folder.path());
    let (_, six) = planned(&node, 6);
    let (_, far) = planned(&node, 65_536);
    let (nine, revoked) = planned(&node, 9);
    import(&node, revocation(&nine)).unwrap();
    take(node.node(), true, &path("without")).unwrap();
    let (_, seven) = planned(&node, 7);
    applied(&node, &seven);
    take(node.node(), true, &path("with")).unwrap();

    let refuses = |from: &str, plan: &Plan| -> MigrateError {
        let error = migrate(&path(from), &path("never"), &by(plan)).unwrap_err();
        assert!(!path("never").exists() && !error.next().is_empty());
        error
    };
    assert_eq!(refuses("without", &revoked).code(), "release-revoked");
    assert_eq!(refuses("with", &six).code(), "release-older");
    let mut other = six.clone();
    let mut named = |sequence: u64, id: &str| {
        let release = other.release.as_mut().unwrap();
        (release.sequence, release.id) = (sequence, id.to_owned());
        other.clone()
    };
    let equal = named(7, &"ab".repeat(32));
    assert_eq!(refuses("with", &equal).code(), "release-equivocation");
    let leaps = named(1 << 40, &"ab".repeat(32));
    assert_eq!(refuses("with", &leaps).code(), "release-leap");
    let none = named(8, "the next one");
    assert_eq!(refuses("with", &none).code(), "plan-unreadable");
    migrate(&path("without"), &path("after"), &by(&far)).unwrap();
}
