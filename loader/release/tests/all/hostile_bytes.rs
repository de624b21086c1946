//! Whatever bytes come: no decoder panics, and what is taken is written as the very same bytes.
//!
//! Seeds and counts: see `refit_fuzzing`. `REFIT_FUZZ_CASES=1000000` is the long run.

use crate::support::{first, first_record, manifest, network, quorum, signed};
use refit_abi::Height;
use refit_fuzzing::{Random, each_case};
use refit_release::attestation::Attestation;
use refit_release::keyset::FirstKeyset;
use refit_release::revocation::Revocation;
use refit_release::tree::{Listing, TreeFile};
use refit_release::{FileId, Manifest, ReleaseBytes, SourceRoot};

/// Cases of each test.
const CASES: u64 = 10_000;

/// Parts of the formats: lengths that say much.
const WORDS: [&[u8]; 3] = [&[0xff; 9], &[0xff, 0xff, 0xff, 0x7f], b"refit/1\n"];

fn whatever(random: &mut Random, like: &[u8]) -> Vec<u8> {
    if random.below(8) == 0 {
        return random.bytes(400);
    }
    let mut bytes = like.to_vec();
    random.mutate(&mut bytes, &WORDS);
    bytes
}

#[test]
fn no_frame_keyset_revocation_or_attestation_panics() {
    let keyset = first();
    let like = signed(first_record().unsigned().unwrap(), &[1, 2]);
    let builders = quorum(1, &[1]);
    each_case(13, CASES, |random| {
        let bytes = whatever(random, &like);
        if let Ok(read) = FirstKeyset::read(&bytes) {
            assert_eq!(read.into_frame().write(), bytes);
        }
        let mut other = bytes;
        if let Some(kind) = other.get_mut(8) {
            *kind = 1 + random.below(4) as u8;
        }
        // A change of what enough keys have signed is one that they have not.
        if keyset.rotate(&other).is_ok() || Revocation::verify(&other, &keyset).is_ok() {
            panic!("taken: {other:?}");
        }
        drop(Attestation::verify(&other, &network(), &builders));
    });
}

#[test]
fn no_manifest_panics_and_one_that_is_read_is_written_as_it_was() {
    let like = signed(manifest().unsigned().unwrap(), &[11, 12]);
    let keyset = first();
    each_case(14, CASES, |random| {
        let bytes = whatever(random, &like);
        let Ok(read) = ReleaseBytes::read(&bytes) else {
            return;
        };
        if let Ok(claims) = read.claims() {
            assert_eq!(
                claims.unsigned().unwrap().record(),
                read.clone().into_frame().record()
            );
        }
        if let Ok(verified) = read.verify(&keyset, Height(1)) {
            assert_eq!(verified.manifest(), &manifest());
        }
    });
}

#[test]
fn no_record_of_a_manifest_panics_whoever_signed_it() {
    let like = refit_release::canonical::encode(&manifest()).unwrap();
    each_case(15, CASES, |random| {
        let bytes = whatever(random, &like);
        if let Ok(read) = refit_release::canonical::decode::<Manifest>(&bytes) {
            assert_eq!(refit_release::canonical::encode(&read).unwrap(), bytes);
        }
    });
}

#[test]
fn no_listing_panics_and_one_that_is_read_is_written_as_it_was() {
    let file = |path: &str| TreeFile {
        path: path.to_owned(),
        executable: false,
        bytes: 3,
        content: FileId::of(b"content"),
    };
    let files = ["Cargo.toml", "src/a.rs", "src/lib.rs"].map(file);
    let like = Listing::of(files.to_vec()).unwrap().write().unwrap();
    each_case(16, CASES, |random| {
        let bytes = whatever(random, &like);
        if let Ok(read) = Listing::read(&bytes, SourceRoot::of(&bytes)) {
            assert_eq!(read.write().unwrap(), bytes);
        }
    });
}
