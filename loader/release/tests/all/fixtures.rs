//! The releases in `tests/fixtures/releases`: made again to the byte, and read. Each format that was published stays there.

use crate::support::{artifact, key, manifest, quorum};
use refit_abi::Height;
use refit_release::archive::{Archive, ArchiveWriter};
use refit_release::keyset::{FirstKeyset, KEYSET_FORMAT, KeysetRecord};
use refit_release::manifest::{Artifact, Manifest, Place, Source};
use refit_release::tree::{Listing, TreeFile};
use refit_release::{Epoch, FileId, Frame, Keyset, Network};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The file with this name.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/releases")
        .join(name)
}

fn network() -> Network {
    "fixtures".parse().unwrap()
}

fn signed(mut frame: Frame, keys: &[u8]) -> Frame {
    for &number in keys {
        frame.sign(&network(), &key(number)).unwrap();
    }
    frame
}

/// Two of the root keys 1 to 3 and two of the release keys 11 to 13, each of the seed that is 32 times its number.
fn keyset() -> Vec<u8> {
    let record = KeysetRecord {
        format: KEYSET_FORMAT,
        network: network(),
        version: Epoch(1),
        previous: None,
        root: quorum(2, &[1, 2, 3]),
        release: quorum(2, &[11, 12, 13]),
        expires: Height(u64::MAX),
    };
    signed(record.unsigned().unwrap(), &[1, 3]).write()
}

/// A manifest of the network, changed by somebody.
fn with(change: impl FnOnce(&mut Manifest)) -> Manifest {
    let mut manifest = manifest();
    manifest.network = network();
    manifest.window.until = Height(u64::MAX);
    change(&mut manifest);
    manifest
}

fn file(target: &str, content: &[u8]) -> Artifact {
    Artifact {
        file: FileId::of(content),
        bytes: content.len() as u64,
        ..artifact(target)
    }
}

/// The release with these contents inside, signed by the release keys 11 and 13.
fn packed(manifest: &Manifest, listing: Option<&Listing>, contents: &[&[u8]]) -> Vec<u8> {
    let frame = signed(manifest.unsigned().unwrap(), &[11, 13]);
    let mut writer = ArchiveWriter::begin(Vec::new(), &frame).unwrap();
    if let Some(listing) = listing {
        writer.listing(listing).unwrap();
    }
    let by_id: BTreeMap<_, _> = contents.iter().map(|it| (FileId::of(it), *it)).collect();
    for (id, mut content) in by_id {
        writer.file(id, content.len() as u64, &mut content).unwrap();
    }
    writer.end().unwrap()
}

const LIBRARY: &[u8] = b"This is no library, and nobody loads it.\n";
const OTHER: &[u8] = b"This one is elsewhere.\n";
const CARGO: &[u8] = b"[package]\nname = \"refit-kv\"\nversion = \"2.0.0\"\n";
const LIB: &[u8] = b"//! Nothing.\n";

fn library() -> Vec<u8> {
    let manifest =
        with(|it| it.modules[0].artifacts = vec![file("x86_64-unknown-linux-gnu", LIBRARY)]);
    packed(&manifest, None, &[LIBRARY])
}

fn elsewhere() -> Vec<u8> {
    let manifest = with(|it| {
        it.modules[0].artifacts = vec![
            file("aarch64-unknown-linux-gnu", OTHER),
            file("x86_64-unknown-linux-gnu", LIBRARY),
        ];
    });
    packed(&manifest, None, &[LIBRARY])
}

fn source() -> Vec<u8> {
    let of = |path: &str, content: &[u8]| TreeFile {
        path: path.to_owned(),
        executable: false,
        bytes: content.len() as u64,
        content: FileId::of(content),
    };
    let listing = Listing::of(vec![of("Cargo.toml", CARGO), of("src/lib.rs", LIB)]).unwrap();
    let root = refit_release::SourceRoot::of(&listing.write().unwrap());
    let manifest = with(|it| {
        it.source = Some(Source {
            root,
            places: vec![Place::Inline],
        });
        it.modules[0].artifacts = Vec::new();
    });
    packed(&manifest, Some(&listing), &[CARGO, LIB])
}

#[test]
fn the_published_fixtures_are_made_again_to_the_byte() {
    let made = [
        ("fixtures.keyset", keyset()),
        ("v1-library.refit", library()),
        ("v1-source.refit", source()),
        ("v1-elsewhere.refit", elsewhere()),
    ];
    for (name, bytes) in made {
        let path = path(name);
        if std::env::var_os("REFIT_BLESS").is_some() && !path.exists() {
            fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}");
    }
}

#[test]
fn every_published_fixture_is_read_and_taken() {
    let keyset = FirstKeyset::read(&fs::read(path("fixtures.keyset")).unwrap()).unwrap();
    let keyset: Keyset = keyset.trust().unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(path("")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "refit")
        {
            continue;
        }
        let (release, archive) = Archive::open(fs::File::open(&path).unwrap()).unwrap();
        let claims = release.claims().unwrap();
        let release = release.verify(&keyset, Height(5)).unwrap();
        assert_eq!((release.manifest(), release.signers().len()), (&claims, 2));
        let looked = archive.look(&claims).unwrap();
        names.push((path.file_name().unwrap().to_owned(), looked));
    }
    names.sort_by(|one, other| one.0.cmp(&other.0));
    let found: Vec<_> = names
        .iter()
        .map(|(_, it)| {
            (
                it.items,
                it.unpacked.source.is_some(),
                it.unpacked.missing.len(),
            )
        })
        .collect();
    assert_eq!(found, [(1, false, 1), (1, false, 0), (3, true, 0)]);
}
