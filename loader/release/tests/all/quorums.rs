//! m of n, looked at to the end.

use crate::support::{first_record, key, network, quorum};
use refit_release::quorum::{KEYS_MAX, QuorumError};
use refit_release::{Domain, Frame, Quorum};

/// Largest n of which every m and every set of signers is tried.
const N_MAX: u8 = 7;

#[test]
fn for_every_m_of_up_to_seven_keys_each_set_of_signers_counts_if_it_has_m_of_them() {
    let keys: Vec<_> = (1..=N_MAX).map(key).collect();
    let strangers = [key(100), key(101)];
    for signers in 0..1_u32 << N_MAX {
        let mut frame = Frame::unsigned(Domain::Release, b"record".to_vec()).unwrap();
        let is_in = |place: u8| signers & (1 << place) != 0;
        for place in (0..N_MAX).filter(|&place| is_in(place)) {
            frame.sign(&network(), &keys[usize::from(place)]).unwrap();
        }
        // Those of others are of no weight.
        for stranger in &strangers {
            frame.sign(&network(), stranger).unwrap();
        }
        for n in 1..=N_MAX {
            let numbers: Vec<_> = (1..=n).collect();
            let signed = (0..n).filter(|&place| is_in(place)).count();
            for m in 1..=n {
                let found = quorum(m, &numbers).signers(&network(), &frame);
                match signed >= usize::from(m) {
                    true => assert_eq!(found.unwrap().len(), signed),
                    false => assert_eq!(found.unwrap_err().signed, signed),
                }
            }
        }
    }
}

#[test]
fn a_quorum_says_its_keys_in_order_and_how_many_have_to_sign() {
    let two = quorum(2, &[3, 1, 2]);
    let mut keys: Vec<_> = [1, 2, 3].map(|number| key(number).public()).into();
    keys.sort_unstable();
    assert_eq!((two.threshold(), two.keys()), (2, &keys[..]));
}

#[test]
fn a_key_counts_once_however_often_it_is_listed() {
    let public = key(1).public();
    let twice = Err(QuorumError::Twice { key: public });
    assert_eq!(Quorum::of(1, vec![public, public]), twice);
    assert_eq!(Quorum::of(2, vec![public, public]), twice);
}

#[test]
fn a_quorum_of_nobody_of_too_many_or_of_more_than_there_are_is_none() {
    let keys = |count: u8| {
        (1..=count)
            .map(|number| key(number).public())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        Quorum::of(1, Vec::new()),
        Err(QuorumError::Keys { keys: 0 })
    );
    let most = KEYS_MAX as u8;
    assert!(Quorum::of(most, keys(most)).is_ok());
    let more = QuorumError::Keys { keys: KEYS_MAX + 1 };
    assert_eq!(Quorum::of(1, keys(most + 1)), Err(more));
    for threshold in [0, 4] {
        let refused = QuorumError::Threshold { threshold, keys: 3 };
        assert_eq!(Quorum::of(threshold, keys(3)), Err(refused));
    }
}

#[test]
fn keys_out_of_order_are_refused_where_they_are_read() {
    let quorum = first_record().root;
    let mut bytes = refit_release::canonical::encode(&quorum).unwrap();
    // The threshold, the number of keys, and then the keys.
    let (first, second) = (bytes[2..34].to_vec(), bytes[34..66].to_vec());
    assert!(refit_release::canonical::decode::<Quorum>(&bytes).is_ok());
    bytes[2..34].copy_from_slice(&second);
    bytes[34..66].copy_from_slice(&first);
    assert!(refit_release::canonical::decode::<Quorum>(&bytes).is_err());
    bytes[2..34].copy_from_slice(&first);
    assert!(
        refit_release::canonical::decode::<Quorum>(&bytes).is_err(),
        "the same twice"
    );
}

#[test]
fn a_signature_for_another_network_kind_or_record_counts_for_nothing() {
    let quorum = quorum(1, &[1]);
    let mut frame = Frame::unsigned(Domain::Release, b"record".to_vec()).unwrap();
    frame.sign(&"other".parse().unwrap(), &key(1)).unwrap();
    assert!(quorum.signers(&network(), &frame).is_err());
    frame.sign(&network(), &key(1)).unwrap();
    assert!(quorum.signers(&network(), &frame).is_ok());
    // The same signature under another record, and under another kind of record.
    let bytes = frame.write();
    let mut changed = bytes.clone();
    changed[13] ^= 1;
    let changed = Frame::read(Domain::Release, &changed).unwrap();
    assert!(quorum.signers(&network(), &changed).is_err());
    let mut other = bytes.clone();
    other[8] = 3;
    let other = Frame::read(Domain::Revocation, &other).unwrap();
    assert!(quorum.signers(&network(), &other).is_err());
}
