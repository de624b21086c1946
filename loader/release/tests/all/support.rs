//! Keys, keysets and manifests to test with.

use refit_abi::Height;
use refit_abi::schema::SchemaId;
use refit_release::keyset::{FirstKeyset, KEYSET_FORMAT, KeysetRecord};
use refit_release::manifest::{
    Artifact, KindEntry, MANIFEST_FORMAT, Manifest, Module, Strategy, Window,
};
use refit_release::{Epoch, FileId, Frame, Keyset, Network, Position, Quorum, SecretKey, Sequence};

/// The key with this number.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32]).unwrap()
}

pub(crate) fn network() -> Network {
    "test".parse().unwrap()
}

/// So many of the keys with these numbers.
pub(crate) fn quorum(threshold: u8, keys: &[u8]) -> Quorum {
    let keys = keys.iter().map(|&number| key(number).public());
    Quorum::of(threshold, keys.collect()).unwrap()
}

/// Has the keys with these numbers sign.
pub(crate) fn signed(mut frame: Frame, keys: &[u8]) -> Vec<u8> {
    for &number in keys {
        frame.sign(&network(), &key(number)).unwrap();
    }
    frame.write()
}

/// The first keyset: root keys 1 to 3 of which two sign, release keys 11 to 13 of which two sign.
pub(crate) fn first_record() -> KeysetRecord {
    KeysetRecord {
        format: KEYSET_FORMAT,
        network: network(),
        version: Epoch(1),
        previous: None,
        root: quorum(2, &[1, 2, 3]),
        release: quorum(2, &[11, 12, 13]),
        expires: Height(1_000),
    }
}

pub(crate) fn trusted(record: &KeysetRecord, signers: &[u8]) -> Keyset {
    let bytes = signed(record.unsigned().unwrap(), signers);
    FirstKeyset::read(&bytes).unwrap().trust().unwrap()
}

pub(crate) fn first() -> Keyset {
    trusted(&first_record(), &[1, 2])
}

/// A release with one module of one kind.
pub(crate) fn manifest() -> Manifest {
    Manifest {
        format: MANIFEST_FORMAT,
        network: network(),
        position: Position {
            epoch: Epoch(1),
            sequence: Sequence(7),
        },
        parent: None,
        name: "kv 2".to_owned(),
        about: "Counts its writes.\n".to_owned(),
        window: Window {
            from: Height(10),
            until: Height(500),
        },
        reversible: true,
        expected_differences: vec!["kv".to_owned()],
        source: None,
        modules: vec![module("kv")],
        native: Vec::new(),
        host: None,
    }
}

/// A module with one kind of the same name.
pub(crate) fn module(kind: &str) -> Module {
    Module {
        package: format!("refit-{kind}"),
        version: "2.0.0".to_owned(),
        folder: String::new(),
        abi_epoch: 9,
        kinds: vec![KindEntry {
            kind: kind.to_owned(),
            version: 2,
            from: vec![SchemaId([1; 16])],
            to: SchemaId([2; 16]),
            strategy: Strategy::Hot,
            capabilities: Vec::new(),
        }],
        artifacts: vec![artifact("x86_64-unknown-linux-gnu")],
    }
}

pub(crate) fn artifact(target: &str) -> Artifact {
    Artifact {
        target: target.to_owned(),
        toolchain: "rustc 1.95.0".to_owned(),
        file: FileId::of(target.as_bytes()),
        bytes: 4_096,
    }
}

/// The bytes of a hexadecimal text.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}
