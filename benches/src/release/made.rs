//! [`Made`]: a keyset and a release that all its keys have signed.

use crate::BenchError;
use refit_abi::Height;
use refit_abi::schema::SchemaId;
use refit_release::keyset::{FirstKeyset, KEYSET_FORMAT, KeysetRecord};
use refit_release::manifest::{
    Artifact, KindEntry, MANIFEST_FORMAT, Manifest, Module, Strategy, Window,
};
use refit_release::quorum::KEYS_MAX;
use refit_release::{Epoch, FileId, Keyset, Network, Position, Quorum, SecretKey, Sequence};
use std::fmt::Display;

/// The block at which it is looked at.
pub(super) const AT: Height = Height(1);

/// Modules of the release.
const MODULES: u8 = 8;

/// What is verified.
pub(super) struct Made {
    pub(super) keyset: Keyset,
    /// The release's bytes, with its signatures.
    pub(super) release: Vec<u8>,
    /// How many have signed it.
    pub(super) keys: usize,
}

impl Made {
    pub(super) fn new() -> Result<Self, BenchError> {
        let network: Network = "bench".parse().map_err(failed)?;
        // The seeds are no secret: what they sign is nobody's.
        let keys: Result<Vec<_>, _> = (1..=KEYS_MAX as u8)
            .map(|number| SecretKey::from_seed(&[number; 32]))
            .collect();
        let keys = keys.map_err(failed)?;
        let public = keys.iter().map(SecretKey::public).collect();
        let quorum = Quorum::of(KEYS_MAX as u8, public).map_err(failed)?;
        let record = KeysetRecord {
            format: KEYSET_FORMAT,
            network: network.clone(),
            version: Epoch(1),
            previous: None,
            root: quorum.clone(),
            release: quorum,
            expires: Height(u64::MAX),
        };
        let mut keyset = record.unsigned().map_err(failed)?;
        let mut release = manifest(network.clone()).unsigned().map_err(failed)?;
        for key in &keys {
            keyset.sign(&network, key).map_err(failed)?;
            release.sign(&network, key).map_err(failed)?;
        }
        let keyset = FirstKeyset::read(&keyset.write()).and_then(FirstKeyset::trust);
        Ok(Self {
            keyset: keyset.map_err(failed)?,
            release: release.write(),
            keys: keys.len(),
        })
    }
}

fn manifest(network: Network) -> Manifest {
    Manifest {
        format: MANIFEST_FORMAT,
        network,
        position: Position {
            epoch: Epoch(1),
            sequence: Sequence(1),
        },
        parent: None,
        name: "bench 1".to_owned(),
        about: String::new(),
        window: Window {
            from: AT,
            until: Height(u64::MAX),
        },
        reversible: true,
        expected_differences: Vec::new(),
        source: None,
        modules: (0..MODULES).map(module).collect(),
        native: Vec::new(),
        host: None,
    }
}

fn module(number: u8) -> Module {
    let kind = format!("kind-{number}");
    Module {
        package: format!("package-{number}"),
        version: "1.0.0".to_owned(),
        folder: String::new(),
        abi_epoch: 1,
        artifacts: vec![Artifact {
            target: "x86_64-unknown-linux-gnu".to_owned(),
            toolchain: "rustc".to_owned(),
            file: FileId::of(kind.as_bytes()),
            bytes: 1,
        }],
        kinds: vec![KindEntry {
            kind,
            version: 2,
            from: vec![SchemaId([1; 16])],
            to: SchemaId([2; 16]),
            strategy: Strategy::Hot,
            capabilities: Vec::new(),
        }],
    }
}

/// What is measured does not do what it should.
pub(super) fn failed(reason: impl Display) -> BenchError {
    BenchError::Release {
        reason: reason.to_string(),
    }
}
