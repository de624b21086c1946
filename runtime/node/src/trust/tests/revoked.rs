//! A revocation that is signed always finds its place beside those that a snapshot brings, which nobody has signed.

use super::*;

fn release(number: usize) -> ReleaseId {
    ReleaseId::of(&number.to_le_bytes())
}

/// What a snapshot says that revokes the first releases.
fn revoking(number: usize) -> CarriedTrust {
    CarriedTrust {
        revoked: (0..number)
            .map(|at| (release(at).to_string(), "it is junk".to_owned()))
            .collect(),
        ..CarriedTrust::default()
    }
}

fn revocation(release: ReleaseId) -> Vec<u8> {
    let revocation = Revocation {
        format: REVOCATION_FORMAT,
        network: "test".parse().unwrap(),
        release,
        reason: "loses writes".to_owned(),
    };
    signed(revocation.unsigned().unwrap(), &[12])
}

fn put(folder: &Path, changes: Vec<RecordChange>) {
    let store = DiskStore::open(folder).unwrap();
    store.archive().unwrap().set_records(changes).unwrap();
}

#[test]
fn a_signed_revocation_takes_the_place_of_one_that_came_with_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let carried = revoking(REVOKED_MAX);
    let changes = TakenOver::of(Some(&carried)).unwrap().changes().unwrap();
    put(folder.path(), changes);
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let trust = on(folder.path(), Some(&first)).unwrap();
    assert!(trust.not_revoked(release(7)).is_err());
    // One that the snapshot has named is signed now, and another one finds its place.
    for number in [7, REVOKED_MAX] {
        let heard = trust.revoke(&revocation(release(number))).unwrap();
        assert_eq!(heard.release, release(number));
    }
    drop(trust);
    let trust = on(folder.path(), None).unwrap();
    for number in [7, REVOKED_MAX] {
        let refused = trust.not_revoked(release(number)).unwrap_err();
        assert!(refused.to_string().contains("loses writes"), "{refused}");
    }
    assert_eq!(trust.shown().unwrap().revoked.len(), REVOKED_MAX);
    assert_eq!(trust.carried(Generation(1)).revoked.len(), REVOKED_MAX);
}

#[test]
fn signed_revocations_are_bounded_and_the_refusal_says_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let revoked = Revoked {
        reason: "loses writes".to_owned(),
        is_signed: true,
    };
    let all = (0..REVOKED_MAX).map(|number| put_revoked(release(number), &revoked));
    put(folder.path(), all.collect());
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let trust = on(folder.path(), Some(&first)).unwrap();
    trust.revoke(&revocation(release(7))).unwrap();
    let refused = trust.revoke(&revocation(release(REVOKED_MAX))).unwrap_err();
    assert_eq!(refused.code(), "revocations-full");
    assert!(refused.next().contains("refit keyset install"));
}

#[test]
fn a_snapshot_brings_no_more_revocations_than_a_node_keeps_and_none_that_is_longer_than_a_signed_one()
 {
    let taken_over = TakenOver::of(Some(&revoking(REVOKED_MAX + 1)));
    let why = taken_over.map(drop).unwrap_err();
    assert!(why.contains("at most 4096"), "{why}");
    let mut long = revoking(1);
    long.revoked
        .values_mut()
        .for_each(|reason| *reason = "x".repeat(513));
    let why = TakenOver::of(Some(&long)).map(drop).unwrap_err();
    assert!(why.contains("513 bytes"), "{why}");
}
