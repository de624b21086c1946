//! Keysets: who follows whom.

use crate::support::{first, first_record, key, manifest, network, signed, trusted};
use refit_abi::Height;
use refit_release::keyset::{FirstError, FirstKeyset, KeysetError, KeysetRecord, RotationError};
use refit_release::{Epoch, Keyset, KeysetId, ReleaseBytes};

/// The keyset that would follow this one.
pub(crate) fn next(keyset: &Keyset) -> KeysetRecord {
    KeysetRecord {
        version: Epoch(keyset.record().version.0 + 1),
        previous: Some(keyset.id()),
        ..keyset.record().clone()
    }
}

pub(crate) fn rotated(
    keyset: &Keyset,
    record: &KeysetRecord,
    signers: &[u8],
) -> Result<Keyset, RotationError> {
    keyset.rotate(&signed(record.unsigned().unwrap(), signers))
}

#[test]
fn the_very_next_version_follows_and_no_other() {
    let keyset = first();
    for version in [0, 1, 3, u64::MAX] {
        let record = KeysetRecord {
            version: Epoch(version),
            previous: Some(keyset.id()),
            ..first_record()
        };
        // 0 and 1 cannot even be written with one before them.
        let Ok(frame) = record.unsigned() else {
            assert!(version < 2);
            continue;
        };
        let refused = keyset.rotate(&signed(frame, &[1, 2])).unwrap_err();
        assert!(
            matches!(refused, RotationError::Version { .. }),
            "{refused}"
        );
    }
}

#[test]
fn versions_are_counted_from_one() {
    let record = KeysetRecord {
        version: Epoch(0),
        ..first_record()
    };
    let refused = record.unsigned().unwrap_err();
    let names = false;
    let version = Epoch(0);
    assert_eq!(refused, KeysetError::Previous { version, names });
}

#[test]
fn a_keyset_of_another_network_or_that_follows_another_one_does_not_follow() {
    let keyset = first();
    let mut record = next(&keyset);
    record.previous = Some(KeysetId::of(b"another"));
    let refused = rotated(&keyset, &record, &[1, 2]).unwrap_err();
    assert!(
        matches!(refused, RotationError::Previous { .. }),
        "{refused}"
    );
    let mut record = next(&keyset);
    record.network = "other".parse().unwrap();
    // Signed for this network, as somebody may who wants it to pass.
    let refused = rotated(&keyset, &record, &[1, 2]).unwrap_err();
    assert!(
        matches!(refused, RotationError::Network { .. }),
        "{refused}"
    );
}

#[test]
fn release_keys_rotate_nothing() {
    let keyset = first();
    let refused = rotated(&keyset, &next(&keyset), &[11, 12, 13]).unwrap_err();
    assert!(matches!(refused, RotationError::OldRoot(_)), "{refused}");
}

#[test]
fn nothing_of_a_keyset_is_read_before_the_old_root_keys_have_signed_it() {
    let keyset = first();
    let junk =
        refit_release::Frame::unsigned(refit_release::Domain::Keyset, vec![0xff; 90]).unwrap();
    let refused = keyset.rotate(&signed(junk.clone(), &[9])).unwrap_err();
    assert!(matches!(refused, RotationError::OldRoot(_)), "{refused}");
    let refused = keyset.rotate(&signed(junk, &[1, 2])).unwrap_err();
    assert!(matches!(refused, RotationError::Keyset(_)), "{refused}");
}

#[test]
fn a_keyset_that_has_expired_can_still_be_rotated_and_signs_no_release() {
    let keyset = first();
    let late = Height(1_001);
    assert!(keyset.is_expired(late) && !keyset.is_expired(Height(1_000)));
    let bytes = signed(manifest().unsigned().unwrap(), &[11, 12]);
    let read = || ReleaseBytes::read(&bytes).unwrap();
    assert!(read().verify(&keyset, Height(1_000)).is_ok());
    assert!(read().verify(&keyset, late).is_err());
    let record = KeysetRecord {
        expires: Height(9_000),
        ..next(&keyset)
    };
    assert!(rotated(&keyset, &record, &[1, 2]).is_ok());
}

#[test]
fn the_first_keyset_is_signed_by_its_own_root_keys_and_names_none_before_it() {
    let read = |signers: &[u8]| {
        let bytes = signed(first_record().unsigned().unwrap(), signers);
        FirstKeyset::read(&bytes).unwrap().trust()
    };
    assert_eq!(
        read(&[2, 3]).unwrap().write(),
        trusted(&first_record(), &[2, 3]).write()
    );
    for signers in [&[][..], &[1], &[11, 12, 13]] {
        assert!(matches!(read(signers), Err(FirstError::Root(_))));
    }
    let mut record = first_record();
    record.previous = Some(KeysetId::of(b"one"));
    assert!(matches!(
        record.unsigned(),
        Err(KeysetError::Previous { .. })
    ));
    record.format = 2;
    assert_eq!(
        record.unsigned().unwrap_err(),
        KeysetError::Format { found: 2 }
    );
}

#[test]
fn a_keyset_may_be_joined_at_a_later_version_by_whoever_trusts_it() {
    let keyset = first();
    let later = rotated(&keyset, &next(&keyset), &[1, 2]).unwrap();
    let joined = FirstKeyset::read(&later.write()).unwrap();
    assert_eq!(joined.id(), later.id());
    assert_eq!(joined.trust().unwrap(), later);
}

#[test]
fn a_signature_over_other_bytes_is_not_counted_for_these() {
    let keyset = first();
    let (one, mut other) = (next(&keyset), next(&keyset));
    other.expires = Height(2_000);
    let mut frame = one.unsigned().unwrap();
    frame.sign(&network(), &key(1)).unwrap();
    let mut foreign = other.unsigned().unwrap();
    foreign.sign(&network(), &key(2)).unwrap();
    // The second signature, taken from the other record.
    let tail = foreign.write()[foreign.write().len() - 96..].to_vec();
    let mut bytes = frame.write();
    let count = bytes.len() - 97;
    bytes[count] = 2;
    let mut both = [bytes[count + 1..].to_vec(), tail];
    both.sort();
    let bytes = [&bytes[..=count], &both[0], &both[1]].concat();
    let refused = keyset.rotate(&bytes).unwrap_err();
    assert!(
        matches!(refused, RotationError::OldRoot(few) if few.signed == 1),
        "{refused}"
    );
}
