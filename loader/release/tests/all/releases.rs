//! Releases: which are taken.

use crate::support::{first, key, manifest, network, signed};
use refit_abi::Height;
use refit_release::revocation::{REASON_BYTES_MAX, REVOCATION_FORMAT, Revocation, RevocationError};
use refit_release::{
    Domain, Epoch, Frame, Manifest, ReleaseBytes, ReleaseId, VerifiedRelease, VerifyError,
};

fn verified(bytes: &[u8]) -> Result<VerifiedRelease, VerifyError> {
    ReleaseBytes::read(bytes)
        .unwrap()
        .verify(&first(), Height(5))
}

fn with(change: impl FnOnce(&mut Manifest)) -> Manifest {
    let mut manifest = manifest();
    change(&mut manifest);
    manifest
}

#[test]
fn a_release_that_enough_release_keys_have_signed_is_taken_and_names_them() {
    let bytes = signed(manifest().unsigned().unwrap(), &[13, 11, 1, 99]);
    let release = verified(&bytes).unwrap();
    assert_eq!(release.manifest(), &manifest());
    let named: Vec<_> = release.signers().to_vec();
    let mut expected = [11, 13].map(|number| crate::support::key(number).public());
    expected.sort();
    assert_eq!(named, expected);
    assert_eq!(release.write(), bytes);
    let read = ReleaseBytes::read(&bytes).unwrap();
    assert_eq!(read.named().count(), 4, "whoever they are");
    assert_eq!(
        release.id(),
        ReleaseId::of(ReleaseBytes::read(&bytes).unwrap().into_frame().record())
    );
}

#[test]
fn a_place_in_the_order_is_shown_as_epoch_and_sequence() {
    assert_eq!(manifest().position.to_string(), "1.7");
}

#[test]
fn too_few_others_and_root_keys_do_not_make_a_release() {
    for signers in [&[][..], &[11], &[11, 1, 2, 3], &[21, 22, 23]] {
        let bytes = signed(manifest().unsigned().unwrap(), signers);
        let refused = verified(&bytes).unwrap_err();
        assert!(
            matches!(refused, VerifyError::TooFew(_)),
            "{signers:?}: {refused}"
        );
    }
}

#[test]
fn nothing_is_read_of_what_was_not_signed() {
    let junk = Frame::unsigned(Domain::Release, vec![0xff; 300]).unwrap();
    let refused = verified(&signed(junk.clone(), &[21])).unwrap_err();
    assert!(matches!(refused, VerifyError::TooFew(_)), "{refused}");
    let refused = verified(&signed(junk, &[11, 12])).unwrap_err();
    assert!(matches!(refused, VerifyError::Read(_)), "{refused}");
}

#[test]
fn a_signed_manifest_in_other_than_its_canonical_bytes_is_refused() {
    let bytes = refit_release::canonical::encode(&manifest()).unwrap();
    let again = |bytes: Vec<u8>| {
        let frame = Frame::unsigned(Domain::Release, bytes).unwrap();
        verified(&signed(frame, &[11, 12]))
    };
    assert!(again(bytes.clone()).is_ok());
    // A byte behind it; and the length of the network's name, 4, in two bytes.
    assert!(again([&bytes[..], &[0]].concat()).is_err());
    assert_eq!(bytes[1], 4);
    assert!(again([&bytes[..1], &[0x84, 0x00], &bytes[2..]].concat()).is_err());
}

#[test]
fn a_release_for_another_network_or_another_epoch_is_refused() {
    let other = with(|manifest| manifest.network = "other".parse().unwrap());
    let refused = verified(&signed(other.unsigned().unwrap(), &[11, 12])).unwrap_err();
    assert!(matches!(refused, VerifyError::Network { .. }), "{refused}");
    for epoch in [0, 2, u64::MAX] {
        let other = with(|manifest| manifest.position.epoch = Epoch(epoch));
        let refused = verified(&signed(other.unsigned().unwrap(), &[11, 12])).unwrap_err();
        assert!(matches!(refused, VerifyError::Epoch { .. }), "{refused}");
    }
}

#[test]
fn every_bit_of_a_signed_release_matters() {
    let bytes = signed(manifest().unsigned().unwrap(), &[11, 12]);
    for at in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let read = ReleaseBytes::read(&changed);
            let taken = read.is_ok_and(|read| read.verify(&first(), Height(5)).is_ok());
            assert!(!taken, "byte {at} does not matter");
        }
    }
}

fn revocation() -> Revocation {
    Revocation {
        format: REVOCATION_FORMAT,
        network: network(),
        release: ReleaseId::of(b"release"),
        reason: "loses the last write".to_owned(),
    }
}

#[test]
fn a_revocation_of_another_form_or_with_a_reason_without_end_is_none() {
    let format = REVOCATION_FORMAT + 1;
    let other = Revocation {
        format,
        ..revocation()
    };
    let refused = other.unsigned().unwrap_err();
    assert_eq!(refused, RevocationError::Format { found: format });
    let most = Revocation {
        reason: "x".repeat(REASON_BYTES_MAX),
        ..revocation()
    };
    assert!(most.unsigned().is_ok());
    let bytes = REASON_BYTES_MAX + 1;
    let more = Revocation {
        reason: "x".repeat(bytes),
        ..revocation()
    };
    let refused = more.unsigned().unwrap_err();
    assert_eq!(refused, RevocationError::Reason { bytes });
}

#[test]
fn release_keys_or_root_keys_revoke_and_nobody_else() {
    let revoked = |signers: &[u8]| {
        Revocation::verify(&signed(revocation().unsigned().unwrap(), signers), &first())
    };
    for signers in [&[11, 12][..], &[1, 3]] {
        assert_eq!(revoked(signers), Ok(revocation()));
    }
    for signers in [&[][..], &[11, 1], &[21, 22]] {
        let refused = revoked(signers).unwrap_err();
        assert!(
            matches!(refused, RevocationError::TooFew { .. }),
            "{refused}"
        );
    }
    let other = Revocation {
        network: "other".parse().unwrap(),
        ..revocation()
    };
    let refused = Revocation::verify(&signed(other.unsigned().unwrap(), &[1, 2]), &first());
    assert!(matches!(refused, Err(RevocationError::Network { .. })));
    // What signs a release does not revoke one, be the bytes the same.
    let bytes = signed(manifest().unsigned().unwrap(), &[11, 12]);
    assert!(matches!(
        Revocation::verify(&bytes, &first()),
        Err(RevocationError::Frame(_))
    ));
}

#[test]
fn a_copy_takes_the_right_signatures_of_another_one_in_and_only_those() {
    let one = manifest().unsigned().unwrap();
    let read = |bytes: &[u8]| ReleaseBytes::read(bytes).unwrap();
    let signers = |release: &VerifiedRelease| release.signers().to_vec();
    let all = verified(&signed(one.clone(), &[11, 12, 13])).unwrap();
    let mut two = verified(&signed(one.clone(), &[11, 12])).unwrap();
    two.take_in(&read(&all.write()));
    assert_eq!(signers(&two), signers(&all));
    assert_eq!(verified(&two.write()).unwrap(), two);

    // Whatever others put into the place of a signature, it is not kept in the place of a right one.
    let mut wrong = signed(one.clone(), &[11, 12, 13]);
    let of_third = key(13).public().to_bytes();
    let at = wrong.windows(32).position(|bytes| *bytes == of_third);
    wrong[at.unwrap() + 40] ^= 1;
    let mut copy = verified(&wrong).unwrap();
    copy.take_in(&read(&all.write()));
    assert_eq!(signers(&copy), signers(&all));
    two.take_in(&read(&wrong));
    assert_eq!(signers(&verified(&two.write()).unwrap()), signers(&all));

    // One that is full of signatures that count for nothing has room for one that does.
    let others: Vec<u8> = (60..90).collect();
    let mut full = verified(&signed(one, &[&[11, 12], &others[..]].concat())).unwrap();
    full.take_in(&read(&all.write()));
    assert_eq!(signers(&verified(&full.write()).unwrap()), signers(&all));
    let another = with(|it| it.name = "other".to_owned());
    let another = signed(another.unsigned().unwrap(), &[11, 12, 13]);
    let mut few = verified(&signed(manifest().unsigned().unwrap(), &[11, 12])).unwrap();
    few.take_in(&read(&another));
    assert_eq!(few.signers().len(), 2);
}
