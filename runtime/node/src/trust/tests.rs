//! What the node knows of whom it trusts outlives it, and goes one way.

mod restored;
mod revoked;

use super::admitted::REVOKED_MAX;
use super::*;
use refit_abi::host::Explain;
use refit_release::keyset::FirstKeyset;
use refit_release::keyset::{KEYSET_FORMAT, KeysetRecord};
use refit_release::revocation::REVOCATION_FORMAT;
use refit_release::{Epoch, Frame, Keyset, Position, SecretKey, Sequence};
use refit_store::{DiskStore, MemoryStore};
use std::path::Path;

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32]).unwrap()
}

fn quorum(threshold: u8, keys: &[u8]) -> Quorum {
    let keys = keys.iter().map(|number| key(*number).public());
    Quorum::of(threshold, keys.collect()).unwrap()
}

fn signed(mut frame: Frame, keys: &[u8]) -> Vec<u8> {
    for number in keys {
        frame.sign(&"test".parse().unwrap(), &key(*number)).unwrap();
    }
    frame.write()
}

/// Two of three root keys, one of two release keys; `root` are the root keys.
fn keyset(version: u64, previous: Option<&[u8]>, root: &[u8], signers: &[u8]) -> Vec<u8> {
    let previous = previous.map(|bytes| FirstKeyset::read(bytes).unwrap().id());
    let record = KeysetRecord {
        format: KEYSET_FORMAT,
        network: "test".parse().unwrap(),
        version: Epoch(version),
        previous,
        root: quorum(2, root),
        release: quorum(1, &[11, 12]),
        expires: Height(100),
    };
    signed(record.unsigned().unwrap(), signers)
}

fn newest(epoch: u64, sequence: u64, name: &str) -> Newest {
    Newest {
        position: Position {
            epoch: Epoch(epoch),
            sequence: Sequence(sequence),
        },
        release: ReleaseId::of(name.as_bytes()),
    }
}

fn read(bytes: &[u8]) -> Keyset {
    let read = FirstKeyset::read(bytes);
    read.and_then(FirstKeyset::trust).unwrap()
}

fn on(folder: &Path, configured: Option<&[u8]>) -> Result<Trust, TrustError> {
    Trust::open(Arc::new(DiskStore::open(folder).unwrap()), configured, None)
}

#[test]
fn a_keyset_is_kept_follows_by_its_rules_alone_and_the_configuration_does_not_bring_an_older_one_back()
 {
    let folder = tempfile::tempdir().unwrap();
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let second = keyset(2, Some(&first), &[2, 3, 4], &[1, 2, 4]);
    let third = keyset(3, Some(&second), &[2, 3, 4], &[2, 3]);
    let trust = on(folder.path(), Some(&first)).unwrap();
    trust.install(&first).unwrap();
    let code = |refused: Result<(), TrustError>| refused.unwrap_err().code().to_owned();
    assert_eq!(code(trust.install(&third)), "keyset-not-next");
    let other = keyset(1, None, &[1, 2, 5], &[1, 2]);
    assert_eq!(code(trust.install(&other)), "keyset-conflict");
    let unsigned = keyset(2, Some(&first), &[2, 3, 4], &[1, 2]);
    assert_eq!(code(trust.install(&unsigned)), "signatures-too-few");
    trust.install(&second).unwrap();
    drop(trust);

    // It outlives the node, with whatever the configuration still names.
    for configured in [None, Some(&first[..]), Some(&second[..])] {
        let trust = on(folder.path(), configured).unwrap();
        assert_eq!(trust.shown().unwrap().version, 2);
    }
    let trust = on(folder.path(), Some(&third)).unwrap();
    assert_eq!(trust.shown().unwrap().version, 3);
    assert_eq!(code(trust.install(&second)), "keyset-not-next");
}

#[test]
fn an_older_keyset_is_configured_only_if_the_node_has_come_from_it_by_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let second = keyset(2, Some(&first), &[2, 3, 4], &[1, 2, 4]);
    let third = keyset(3, Some(&second), &[2, 3, 4], &[2, 3]);
    let trust = on(folder.path(), Some(&first)).unwrap();
    trust.install(&second).unwrap();
    trust.install(&third).unwrap();
    drop(trust);
    let code = |configured: &[u8]| {
        let opened = on(folder.path(), Some(configured));
        opened.map(drop).map_err(|why| why.code().to_owned())
    };
    assert_eq!((code(&first), code(&second)), (Ok(()), Ok(())));
    let refused = Err("keyset-unrelated".to_owned());
    let other = keyset(1, None, &[1, 2, 5], &[1, 2]);
    assert_eq!(code(&other), refused);
    let other = keyset(2, Some(&other), &[1, 2, 5], &[1, 2]);
    assert_eq!(code(&other), refused);
}

#[test]
fn a_keyset_that_was_put_there_without_rotation_does_not_go_with_the_configured_one() {
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let follows = keyset(2, Some(&first), &[2, 3, 4], &[1, 2, 4]);
    // Signed by its own root keys alone.
    let forged = keyset(2, Some(&first), &[7, 8, 9], &[7, 8]);
    let later = keyset(3, Some(&follows), &[2, 3, 4], &[2, 3]);
    for (known, is_led) in [(&follows, true), (&forged, false), (&later, false)] {
        let folder = tempfile::tempdir().unwrap();
        drop(on(folder.path(), Some(known)).unwrap());
        let opened = on(folder.path(), Some(&first)).map(drop);
        let code = opened.map_err(|why| why.code().to_owned());
        let refused = Err("keyset-unrelated".to_owned());
        assert_eq!(code, if is_led { Ok(()) } else { refused });
    }
}

#[test]
fn a_keyset_behind_a_chain_that_has_led_on_is_not_where_it_has_led() {
    let bytes = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let second = keyset(2, Some(&bytes), &[2, 3, 4], &[1, 2, 4]);
    let third = keyset(3, Some(&second), &[2, 3, 4], &[2, 3]);
    // What everybody has published, and behind it one that its own root keys alone have signed.
    let forged = keyset(2, Some(&bytes), &[7, 8, 9], &[7, 8]);
    let first = read(&bytes);
    let kept = |last: &[u8]| Kept {
        keyset: Some(read(last)),
        before: vec![first.clone(), read(&second), read(&third)],
        ..Kept::default()
    };
    let forged = kept(&forged);
    assert!(forged.is_chain().is_err());
    let known = forged.keyset.as_ref().unwrap();
    for trusted in [&bytes, &second, &third] {
        assert!(forged.is_led_from(&read(trusted), known).is_err());
    }
    // The older one of a chain that has gone on is none that it has led to either.
    assert!(kept(&second).is_chain().is_err());
}

#[test]
fn the_newest_release_never_goes_back_and_outlives_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let trust = on(folder.path(), None).unwrap();
    trust.note(newest(1, 7, "seven")).unwrap();
    trust.note(newest(1, 6, "six")).unwrap();
    drop(trust);
    let trust = on(folder.path(), None).unwrap();
    assert_eq!(trust.newest(), Some(newest(1, 7, "seven")));
    let code = |offered| {
        trust
            .admits(offered)
            .map_err(|error| error.code().to_owned())
    };
    assert_eq!(code(newest(1, 7, "seven")), Ok(()));
    assert_eq!(code(newest(1, 8, "eight")), Ok(()));
    assert_eq!(code(newest(1, 6, "six")), Err("release-older".to_owned()));
    assert_eq!(
        code(newest(1, 7, "other")),
        Err("release-equivocation".to_owned())
    );
    assert_eq!(
        code(newest(1, 1 << 20, "far")),
        Err("release-leap".to_owned())
    );
}

#[test]
fn a_revocation_is_heard_from_those_who_may_and_outlives_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let revocation = Revocation {
        format: REVOCATION_FORMAT,
        network: "test".parse().unwrap(),
        release: ReleaseId::of(b"bad"),
        reason: "loses writes".to_owned(),
    };
    let bytes = |keys: &[u8]| signed(revocation.unsigned().unwrap(), keys);
    let trust = on(folder.path(), None).unwrap();
    assert_eq!(
        trust.revoke(&bytes(&[11])).unwrap_err().code(),
        "keyset-missing"
    );
    trust
        .install(&keyset(1, None, &[1, 2, 3], &[1, 2]))
        .unwrap();
    assert_eq!(
        trust.revoke(&bytes(&[1])).unwrap_err().code(),
        "signatures-too-few"
    );
    trust.revoke(&bytes(&[12])).unwrap();
    drop(trust);
    let trust = on(folder.path(), None).unwrap();
    let refused = trust.admits(newest(1, 1, "bad")).unwrap_err();
    assert_eq!(refused.code(), "release-revoked");
    assert!(refused.to_string().contains("loses writes"), "{refused}");
    assert!(trust.admits(newest(1, 1, "good")).is_ok());
}

#[test]
fn a_node_that_keeps_nothing_trusts_for_as_long_as_it_lives() {
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let trust = Trust::open(Arc::new(MemoryStore::default()), Some(&first), None).unwrap();
    assert_eq!(trust.shown().unwrap().version, 1);
    trust.note(newest(1, 1, "one")).unwrap();
    assert_eq!(trust.newest(), Some(newest(1, 1, "one")));
}

#[test]
fn a_snapshot_has_the_release_that_is_live_and_none_that_was_aborted_before_its_block_says_so() {
    let trust = Trust::open(Arc::new(MemoryStore::default()), None, None).unwrap();
    let carried = |generation| trust.carried(Generation(generation)).newest;
    let place = |generation| carried(generation).map(|newest| (newest.epoch, newest.sequence));
    trust.note(newest(1, 3, "three")).unwrap();
    trust.comes(Generation(1), Some(newest(1, 7, "seven")));
    // Up to its commit, and if it is aborted, the generation is that of before.
    assert_eq!(place(1), Some((1, 3)));
    assert_eq!(place(2), Some((1, 7)));
    assert_eq!(trust.newest(), Some(newest(1, 3, "three")));
    // Another upgrade, of no release, comes in its place.
    trust.comes(Generation(1), None);
    assert_eq!(place(2), Some((1, 3)));
    // The very release that was taken back is behind what was live since.
    trust.note(newest(1, 9, "nine")).unwrap();
    trust.comes(Generation(2), Some(newest(1, 8, "eight")));
    assert_eq!(place(3), Some((1, 9)));
}
