//! Attestations: builders who agree.

use crate::support::{key, network, quorum, signed};
use refit_release::attestation::{ATTESTATION_FORMAT, Attestation, AttestationError};
use refit_release::{FileId, SourceRoot};

fn attestation(file: &str) -> Attestation {
    Attestation {
        format: ATTESTATION_FORMAT,
        network: network(),
        source: SourceRoot::of(b"source"),
        package: "refit-kv".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        toolchain: "rustc 1.95.0".to_owned(),
        file: FileId::of(file.as_bytes()),
    }
}

#[test]
fn a_file_counts_when_enough_builders_say_the_same_of_it() {
    let builders = quorum(2, &[31, 32, 33]);
    let mut frame = attestation("a").unsigned().unwrap();
    frame.sign(&network(), &key(31)).unwrap();
    let alone = Attestation::verify(&frame.write(), &network(), &builders);
    assert!(matches!(alone, Err(AttestationError::TooFew(_))));
    // One who built something else agrees with nobody; one who built the same does.
    for (file, is_enough) in [("b", false), ("a", true)] {
        let mut other = attestation(file).unsigned().unwrap();
        other.sign(&network(), &key(33)).unwrap();
        frame.take_in(&other).unwrap();
        let found = Attestation::verify(&frame.write(), &network(), &builders);
        assert_eq!(found.is_ok(), is_enough, "{file}");
    }
    let (found, by) = Attestation::verify(&frame.write(), &network(), &builders).unwrap();
    assert_eq!((found, by.len()), (attestation("a"), 2));
}

#[test]
fn an_attestation_of_another_network_form_or_kind_counts_for_nothing() {
    let builders = quorum(1, &[31]);
    let verify = |attestation: &Attestation| {
        let bytes = signed(attestation.unsigned().unwrap(), &[31]);
        Attestation::verify(&bytes, &network(), &builders)
    };
    assert!(verify(&attestation("a")).is_ok());
    let other = Attestation {
        network: "other".parse().unwrap(),
        ..attestation("a")
    };
    assert!(matches!(
        verify(&other),
        Err(AttestationError::Network { .. })
    ));
    let other = Attestation {
        format: 2,
        ..attestation("a")
    };
    assert!(matches!(
        verify(&other),
        Err(AttestationError::Format { found: 2 })
    ));
    let release = signed(crate::support::manifest().unsigned().unwrap(), &[31]);
    let refused = Attestation::verify(&release, &network(), &builders);
    assert!(matches!(refused, Err(AttestationError::Frame(_))));
}
