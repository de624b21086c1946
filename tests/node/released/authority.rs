//! Those who sign for the tests' network: two of three root keys, two of three release keys.

use refit_abi::Height;
use refit_abi::descriptor::Descriptor;
use refit_loader::Candidate;
use refit_release::archive::ArchiveWriter;
use refit_release::keyset::{FirstKeyset, KEYSET_FORMAT, KeysetRecord};
use refit_release::manifest::{
    Artifact, KindEntry, MANIFEST_FORMAT, Manifest, Module, Strategy, Window,
};
use refit_release::revocation::{REVOCATION_FORMAT, Revocation};
use refit_release::{
    Epoch, FileId, Frame, Network, Position, Quorum, ReleaseId, SecretKey, Sequence,
};
use std::path::Path;

/// Root keys, and release keys.
const ROOT: [u8; 3] = [1, 2, 3];
const RELEASE: [u8; 3] = [11, 12, 13];

fn network() -> Network {
    "tests".parse().unwrap()
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32]).unwrap()
}

fn quorum(keys: &[u8]) -> Quorum {
    let keys = keys.iter().map(|number| key(*number).public());
    Quorum::of(2, keys.collect()).unwrap()
}

/// Has the keys with these numbers sign.
pub(super) fn signed(mut frame: Frame, keys: &[u8]) -> Frame {
    for number in keys {
        frame.sign(&network(), &key(*number)).unwrap();
    }
    frame
}

/// The first keyset, or the one that follows it with another release key in the place of the third.
pub(super) fn keyset(version: u64) -> Vec<u8> {
    let previous = (version > 1).then(|| FirstKeyset::read(&keyset(version - 1)).unwrap().id());
    let release = match version {
        1 => RELEASE,
        _ => [11, 12, 14],
    };
    let record = KeysetRecord {
        format: KEYSET_FORMAT,
        network: network(),
        version: Epoch(version),
        previous,
        root: quorum(&ROOT),
        release: quorum(&release),
        expires: Height(u64::MAX),
    };
    signed(record.unsigned().unwrap(), &[1, 3]).write()
}

/// A keyset of the tests' network that says that it follows the first one, of somebody who has none of its keys.
pub(super) fn forged() -> Vec<u8> {
    let record = KeysetRecord {
        format: KEYSET_FORMAT,
        network: network(),
        version: Epoch(2),
        previous: Some(FirstKeyset::read(&keyset(1)).unwrap().id()),
        root: quorum(&[21, 22, 23]),
        release: quorum(&[21, 22, 23]),
        expires: Height(u64::MAX),
    };
    signed(record.unsigned().unwrap(), &[21, 22]).write()
}

/// A library that goes into a release.
pub(super) struct Library<'a> {
    pub(super) path: &'a Path,
    pub(super) descriptor: Descriptor,
}

/// A release of one library, which may become live at any time.
pub(super) fn manifest(sequence: u64, library: &Library<'_>) -> Manifest {
    let descriptor = &library.descriptor;
    let candidate = Candidate::read(library.path).unwrap();
    let kinds = descriptor.kinds.iter();
    let mut kinds: Vec<_> = kinds
        .map(|kind| KindEntry::of(kind, Strategy::Hot))
        .collect();
    kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
    Manifest {
        format: MANIFEST_FORMAT,
        network: network(),
        position: Position {
            epoch: Epoch(1),
            sequence: Sequence(sequence),
        },
        parent: None,
        name: format!("kv {sequence}"),
        about: String::new(),
        window: Window {
            from: Height(0),
            until: Height(u64::MAX),
        },
        reversible: false,
        expected_differences: Vec::new(),
        source: None,
        modules: vec![Module {
            package: descriptor.package.clone(),
            version: descriptor.package_version.clone(),
            folder: String::new(),
            abi_epoch: descriptor.abi_epoch,
            kinds,
            artifacts: vec![Artifact {
                target: descriptor.target.clone(),
                toolchain: descriptor.toolchain.clone(),
                file: candidate.id(),
                bytes: candidate.bytes().len() as u64,
            }],
        }],
        native: Vec::new(),
        host: None,
    }
}

/// The release in its file, with these contents, signed by two release keys.
pub(super) fn packed(manifest: &Manifest, contents: &[&Path]) -> Vec<u8> {
    packed_by(&signed(manifest.unsigned().unwrap(), &[11, 12]), contents)
}

/// The same under these signatures.
pub(super) fn packed_by(frame: &Frame, contents: &[&Path]) -> Vec<u8> {
    let mut writer = ArchiveWriter::begin(Vec::new(), frame).unwrap();
    for path in contents {
        let bytes = std::fs::read(path).unwrap();
        let id = FileId::of(&bytes);
        writer
            .file(id, bytes.len() as u64, &mut &bytes[..])
            .unwrap();
    }
    writer.end().unwrap()
}

/// What says that a release is not to be used.
pub(super) fn revocation(release: &str) -> Vec<u8> {
    let revocation = Revocation {
        format: REVOCATION_FORMAT,
        network: network(),
        release: release.parse::<ReleaseId>().unwrap(),
        reason: "it loses writes".to_owned(),
    };
    signed(revocation.unsigned().unwrap(), &[12, 13]).write()
}
