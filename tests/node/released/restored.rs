//! A chain that is restored from a snapshot takes no release that it had left behind.

use super::authority::{packed, revocation};
use super::{applied, import, imported, newest, next, node, node_with, plan, refused};
use crate::snapshots::{restore, take};
use refit_admin::Node as _;

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

    let restored = restore(&file, &second.path().join("store"), &[]).unwrap();
    let trust = restored.trust.unwrap();
    assert_eq!(trust.keyset.map(|keyset| keyset.version), Some(1));
    assert_eq!(trust.revoked.len(), 1);
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
