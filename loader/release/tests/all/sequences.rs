//! Sequences of keysets, and what becomes of them here and elsewhere.
//!
//! The table is that of The Update Framework's conformance tests (theupdateframework/tuf-conformance,
//! `test_updater_key_rotations.py`, revision eec841c): which keys, which threshold, who signs, and whether it is taken.

use crate::keysets::{next, rotated};
use crate::support::{first, first_record, manifest, quorum, signed, trusted};
use refit_abi::Height;
use refit_release::keyset::{KeysetRecord, RotationError};
use refit_release::{Epoch, ReleaseBytes};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One version: keys, threshold, who signs.
type Version = (&'static [u8], u8, &'static [u8]);

/// Versions that follow each other, and whether the last one is taken.
const ROOTS: [(&str, &[Version], bool); 15] = [
    (
        "one key for another",
        &[(&[1], 1, &[1]), (&[2], 1, &[2, 1]), (&[2], 1, &[2])],
        true,
    ),
    (
        "signatures of others",
        &[
            (&[1], 1, &[3, 1, 4]),
            (&[2], 1, &[3, 2, 1, 4]),
            (&[2], 1, &[3, 2, 4]),
        ],
        true,
    ),
    (
        "three of five, each time others",
        &[
            (&[10, 1, 2, 3, 4], 3, &[10, 2, 4]),
            (&[10, 1, 2, 3, 4], 3, &[10, 4, 1]),
            (&[10, 1, 2, 3, 4], 3, &[10, 1, 3]),
            (&[10, 1, 2, 3, 4], 3, &[10, 1, 3]),
        ],
        true,
    ),
    (
        "one of five rotated",
        &[
            (&[10, 1, 2, 3, 4], 3, &[10, 2, 4]),
            (&[10, 1, 3, 4, 5], 3, &[10, 4, 1]),
        ],
        true,
    ),
    (
        "one of five rotated, with a step between",
        &[
            (&[10, 1, 2, 3, 4], 3, &[10, 2, 4]),
            (&[10, 1, 3, 4, 5], 3, &[10, 2, 4, 5]),
            (&[10, 1, 3, 4, 5], 3, &[10, 4, 5]),
        ],
        true,
    ),
    (
        "all five rotated",
        &[
            (&[10, 1, 2, 3, 4], 3, &[10, 2, 4]),
            (&[5, 6, 7, 8, 9], 3, &[10, 2, 4, 5, 6, 7]),
            (&[5, 6, 7, 8, 9], 3, &[5, 6, 7]),
        ],
        true,
    ),
    (
        "threshold of three from one to two",
        &[(&[1, 2, 3], 1, &[1]), (&[1, 2, 3], 2, &[1, 2])],
        true,
    ),
    (
        "threshold of three from two to one",
        &[
            (&[1, 2, 3], 2, &[1, 2]),
            (&[1, 2, 3], 1, &[1, 2]),
            (&[1, 2, 3], 1, &[1]),
        ],
        true,
    ),
    (
        "a second key, and both needed",
        &[(&[1], 1, &[1]), (&[1, 2], 2, &[1, 2])],
        true,
    ),
    (
        "not by the old key",
        &[(&[1], 1, &[1]), (&[2], 1, &[2, 3, 4])],
        false,
    ),
    (
        "not by the new key",
        &[(&[1], 1, &[1]), (&[2], 1, &[1, 3, 4])],
        false,
    ),
    (
        "not by three new ones",
        &[
            (&[10, 1, 2, 3, 4], 3, &[10, 2, 4]),
            (&[10, 1, 3, 4, 5], 3, &[10, 2, 4]),
        ],
        false,
    ),
    (
        "not by three old ones",
        &[
            (&[10, 1, 2, 3, 4], 3, &[10, 2, 4]),
            (&[10, 1, 3, 4, 5], 3, &[10, 4, 5]),
        ],
        false,
    ),
    (
        "the new threshold is not reached",
        &[(&[1, 2, 3], 1, &[1]), (&[1, 2, 3], 2, &[2])],
        false,
    ),
    (
        "the old threshold is not reached",
        &[(&[1, 2, 3], 2, &[1, 2]), (&[1, 2, 3], 1, &[1])],
        false,
    ),
];

/// Release keys of the next keyset, and who signs a release under it.
const RELEASES: [(&str, Version, bool); 10] = [
    ("one key for another", (&[2], 1, &[2]), true),
    ("signatures of others", (&[1], 1, &[3, 1, 4]), true),
    ("not by the new key", (&[2], 1, &[1, 3, 4]), false),
    (
        "one of three is no key of it",
        (&[10, 1, 3, 4, 5], 3, &[10, 2, 4]),
        false,
    ),
    (
        "two of the three that are needed",
        (&[10, 1, 3, 4, 5], 3, &[10, 4]),
        false,
    ),
    ("three of five", (&[10, 1, 2, 3, 4], 3, &[10, 2, 4]), true),
    (
        "three others of five",
        (&[10, 1, 2, 3, 4], 3, &[10, 4, 1]),
        true,
    ),
    (
        "and three others",
        (&[10, 1, 2, 3, 4], 3, &[10, 1, 3]),
        true,
    ),
    (
        "and three without the first",
        (&[10, 1, 2, 3, 4], 3, &[1, 2, 3]),
        true,
    ),
    (
        "and the last three",
        (&[10, 1, 2, 3, 4], 3, &[2, 3, 4]),
        true,
    ),
];

/// The variable that names a Python with the package `tuf`.
const TUF_PYTHON: &str = "REFIT_TUF_PYTHON";

/// Where `.ci/run` puts one.
const TUF_PYTHON_HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tuf/bin/python");

const TUF_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tuf/verdicts.py");

#[test]
fn each_of_the_fifteen_sequences_of_root_keys_ends_as_the_update_framework_says() {
    for (name, versions, is_taken) in ROOTS {
        let (keys, threshold, signers) = versions[0];
        let record = KeysetRecord {
            root: quorum(threshold, keys),
            ..first_record()
        };
        let mut keyset = trusted(&record, signers);
        for (at, (keys, threshold, signers)) in versions.iter().enumerate().skip(1) {
            let record = KeysetRecord {
                root: quorum(*threshold, keys),
                ..next(&keyset)
            };
            let is_last = at + 1 == versions.len();
            match rotated(&keyset, &record, signers) {
                Ok(new) => {
                    assert!(is_taken || !is_last, "{name} is taken");
                    keyset = new;
                }
                Err(error) => {
                    let too_few =
                        matches!(error, RotationError::OldRoot(_) | RotationError::NewRoot(_));
                    assert!(!is_taken && is_last && too_few, "{name}: {error}");
                }
            }
        }
    }
}

#[test]
fn each_of_the_ten_rotations_of_release_keys_ends_as_the_update_framework_says() {
    for (name, (keys, threshold, signers), is_taken) in RELEASES {
        let keyset = first();
        let record = KeysetRecord {
            release: quorum(threshold, keys),
            ..next(&keyset)
        };
        let keyset = rotated(&keyset, &record, &[1, 3]).unwrap();
        let mut manifest = manifest();
        manifest.position.epoch = Epoch(2);
        let bytes = signed(manifest.unsigned().unwrap(), signers);
        let verified = ReleaseBytes::read(&bytes)
            .unwrap()
            .verify(&keyset, Height(5));
        assert_eq!(verified.is_ok(), is_taken, "{name}: {verified:?}");
    }
}

/// A Python with the package `tuf`, if there is one.
fn tuf_python() -> Option<PathBuf> {
    let named = std::env::var_os(TUF_PYTHON).map(PathBuf::from);
    let here = Path::new(TUF_PYTHON_HERE);
    named.or_else(|| here.exists().then(|| here.to_owned()))
}

fn row((keys, threshold, signers): &Version) -> Value {
    json!({"keys": keys, "threshold": threshold, "signers": signers})
}

#[test]
fn python_tuf_says_the_same_of_all_twenty_five_sequences() {
    let Some(python) = tuf_python() else {
        println!(
            "NOT COMPARED: there is no Python with the package `tuf` at {TUF_PYTHON_HERE}, and {TUF_PYTHON} names none; \
             make one with: python3 -m venv target/tuf && target/tuf/bin/pip install tuf securesystemslib cryptography"
        );
        return;
    };
    let roots = ROOTS.map(|(_, versions, _)| versions.iter().map(row).collect::<Vec<_>>());
    let releases = RELEASES.map(|(_, version, _)| row(&version));
    let mut script = Command::new(python)
        .arg(TUF_SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let table = json!({"roots": roots, "releases": releases}).to_string();
    let mut stdin = script.stdin.take().unwrap();
    stdin.write_all(table.as_bytes()).unwrap();
    drop(stdin);
    let output = script.wait_with_output().unwrap();
    assert!(output.status.success());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({
        "roots": ROOTS.map(|(_, _, is_taken)| is_taken),
        "releases": RELEASES.map(|(_, _, is_taken)| is_taken),
    });
    assert_eq!(found, expected);
}
