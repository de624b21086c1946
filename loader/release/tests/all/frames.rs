//! Frames: what is read is what was written, and nothing else is read.

use crate::support::{key, network};
use proptest::prelude::*;
use refit_release::frame::{FrameError, SIGNATURES_MAX};
use refit_release::{Domain, Frame};

fn frame(signers: &[u8]) -> Frame {
    let mut frame = Frame::unsigned(Domain::Release, b"a record".to_vec()).unwrap();
    for &signer in signers {
        frame.sign(&network(), &key(signer)).unwrap();
    }
    frame
}

fn read(bytes: &[u8]) -> Result<Frame, FrameError> {
    Frame::read(Domain::Release, bytes)
}

#[test]
fn a_frame_is_read_as_it_was_written() {
    for signers in [&[][..], &[3], &[9, 1, 4]] {
        let frame = frame(signers);
        assert_eq!(read(&frame.write()), Ok(frame));
    }
}

#[test]
fn a_frame_that_is_cut_anywhere_or_goes_on_is_none() {
    let bytes = frame(&[1, 2]).write();
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end]).is_err(), "cut after {end} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(read(&longer), Err(FrameError::Trailing { bytes: 1 }));
}

#[test]
fn the_beginning_of_a_frame_says_what_it_is_and_other_bytes_say_nothing() {
    let all = [
        Domain::Keyset,
        Domain::Release,
        Domain::Revocation,
        Domain::Attestation,
    ];
    for domain in all {
        let bytes = Frame::unsigned(domain, b"a record".to_vec())
            .unwrap()
            .write();
        assert_eq!(Frame::domain_of(&bytes), Some(domain));
        // What stands before the record: nothing less says it.
        let named = (0..bytes.len()).find(|end| Frame::domain_of(&bytes[..*end]).is_some());
        let named = named.unwrap();
        let mut other = bytes[..named].to_vec();
        other[named - 1] = u8::MAX;
        assert_eq!(Frame::domain_of(&other), None);
        other[0] ^= 1;
        assert_eq!(Frame::domain_of(&other), None);
    }
}

#[test]
fn lengths_beyond_the_bounds_are_refused_before_anything_is_taken() {
    let mut bytes = frame(&[1]).write();
    let most = Domain::Release.bytes_max();
    for (length, expected) in [(most + 1, most + 1), (u32::MAX as usize, u32::MAX as usize)] {
        bytes[9..13].copy_from_slice(&(length as u32).to_le_bytes());
        let bytes_claimed = expected;
        let refused = FrameError::TooLong {
            bytes: bytes_claimed,
            most,
        };
        assert_eq!(read(&bytes), Err(refused));
    }
    let mut many = frame(&[]).write();
    *many.last_mut().unwrap() = SIGNATURES_MAX as u8 + 1;
    let signatures = SIGNATURES_MAX + 1;
    assert_eq!(read(&many), Err(FrameError::TooMany { signatures }));
    let longest = Frame::unsigned(Domain::Release, vec![0; most]).unwrap();
    assert_eq!(read(&longest.write()), Ok(longest));
    assert!(Frame::unsigned(Domain::Release, vec![0; most + 1]).is_err());
}

#[test]
fn another_magic_and_another_kind_are_refused() {
    let bytes = frame(&[1]).write();
    let mut other = bytes.clone();
    other[0] ^= 1;
    assert_eq!(read(&other), Err(FrameError::Magic));
    for kind in [0, 1, 3, 4, 5, 255] {
        let mut other = bytes.clone();
        other[8] = kind;
        let refused = FrameError::Kind {
            found: kind,
            expected: 2,
        };
        assert_eq!(read(&other), Err(refused));
    }
}

#[test]
fn signatures_come_in_order_each_key_once() {
    let bytes = frame(&[1, 2]).write();
    let at = bytes.len() - 2 * 96;
    let (first, second) = (bytes[at..at + 96].to_vec(), bytes[at + 96..].to_vec());
    let with = |one: &[u8], other: &[u8]| [&bytes[..at], one, other].concat();
    assert!(read(&with(&first, &second)).is_ok());
    assert_eq!(read(&with(&second, &first)), Err(FrameError::Order));
    assert_eq!(read(&with(&first, &first)), Err(FrameError::Order));
}

#[test]
fn all_who_have_signed_for_a_network_are_told_and_nobody_else() {
    let mut frame = frame(&[1, 2]);
    let other: refit_release::Network = "another".parse().unwrap();
    frame.sign(&other, &key(3)).unwrap();
    let public = |signers: &[u8]| {
        let mut keys: Vec<_> = signers.iter().map(|it| key(*it).public()).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(frame.all_signers(&network()), public(&[1, 2]));
    assert_eq!(frame.all_signers(&other), public(&[3]));
    assert_eq!(frame.named().count(), 3);
}

#[test]
fn signatures_that_were_made_apart_come_together() {
    let (mut one, other) = (frame(&[1, 2]), frame(&[2, 3]));
    one.take_in(&other).unwrap();
    assert_eq!(one, frame(&[1, 2, 3]));
    let mut another = Frame::unsigned(Domain::Release, b"another".to_vec()).unwrap();
    another.take_in(&other).unwrap();
    assert_eq!(another.named().count(), 0, "they are under another record");
}

#[test]
fn there_is_room_for_so_many_signatures_and_no_more() {
    let most = SIGNATURES_MAX as u8;
    let signers: Vec<_> = (1..=most).collect();
    let mut full = frame(&signers);
    let signatures = SIGNATURES_MAX + 1;
    let refused = Err(FrameError::TooMany { signatures });
    assert_eq!(full.sign(&network(), &key(most + 1)), refused);
    assert_eq!(full.take_in(&frame(&[most + 1])), refused);
    assert_eq!(full, frame(&signers));
    assert_eq!(full.named().count(), SIGNATURES_MAX);
    assert_eq!(read(&full.write()), Ok(full.clone()));
    full.take_in(&frame(&signers)).unwrap();
    // Who has signed may sign again.
    full.sign(&network(), &key(1)).unwrap();
}

proptest! {
    /// Whatever is read is written as the same bytes: there is one frame for each.
    #[test]
    fn what_is_read_is_written_alike(
        record in proptest::collection::vec(any::<u8>(), 0..60),
        signers in proptest::collection::btree_set(1..20_u8, 0..4),
        flip in any::<proptest::sample::Index>(),
        with in any::<u8>(),
    ) {
        let mut frame = Frame::unsigned(Domain::Keyset, record).unwrap();
        for signer in signers {
            frame.sign(&network(), &key(signer)).unwrap();
        }
        let mut bytes = frame.write();
        let at = flip.index(bytes.len());
        bytes[at] ^= with;
        if let Ok(read) = Frame::read(Domain::Keyset, &bytes) {
            prop_assert_eq!(read.write(), bytes);
        }
    }
}
