//! What a release says of libraries, from what they say of themselves.

use super::ReleaseFileError;
use crate::args::NamedPath;
use crate::artifact::{Examined, examine};
use crate::failure::Failure;
use refit_abi::descriptor::KindDescriptor;
use refit_release::manifest::{Artifact, KindEntry, Module, Strategy};
use std::path::PathBuf;

/// A library, and what the release says of it.
#[derive(Debug)]
pub(crate) struct PackedModule {
    pub(crate) path: PathBuf,
    pub(crate) module: Module,
    /// Whether all of its kinds have a way back to what they come from.
    pub(crate) has_way_back: bool,
}

/// Looks into each library, in a process of its own, in the order of their packages.
pub(crate) fn modules(engines: &[NamedPath]) -> Result<Vec<PackedModule>, Failure> {
    let mut packed = Vec::new();
    for named in engines {
        packed.push(module(named)?);
    }
    packed.sort_by(|one, other| one.module.package.cmp(&other.module.package));
    let is_one = |pair: &&[PackedModule]| pair[0].module.package == pair[1].module.package;
    match packed.windows(2).find(is_one) {
        None => Ok(packed),
        Some(pair) => Err(ReleaseFileError::PackageTwice {
            package: pair[0].module.package.clone(),
            one: pair[0].path.clone(),
            other: pair[1].path.clone(),
        }
        .into()),
    }
}

fn module(named: &NamedPath) -> Result<PackedModule, Failure> {
    let Examined {
        path,
        id,
        descriptor,
        ..
    } = examine(&named.path)?;
    if !descriptor.kinds.iter().any(|kind| kind.kind == named.name) {
        let kinds = descriptor.kinds.iter().map(|kind| &*kind.kind);
        return Err(ReleaseFileError::OtherKind {
            path: named.path.clone(),
            named: named.name.clone(),
            found: kinds.collect::<Vec<_>>().join(", "),
        }
        .into());
    }
    let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    let mut kinds: Vec<_> = descriptor
        .kinds
        .iter()
        .map(|kind| KindEntry::of(kind, Strategy::Hot))
        .collect();
    kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
    let has_way_back = descriptor.kinds.iter().all(goes_back);
    let module = Module {
        package: descriptor.package,
        version: descriptor.package_version,
        folder: String::new(),
        abi_epoch: descriptor.abi_epoch,
        kinds,
        artifacts: vec![Artifact {
            target: descriptor.target,
            toolchain: descriptor.toolchain,
            file: id,
            bytes,
        }],
    };
    Ok(PackedModule {
        path,
        module,
        has_way_back,
    })
}

/// Whether its states can be taken back to each older one that it takes over.
fn goes_back(kind: &KindDescriptor) -> bool {
    let mut older = kind.migrations.iter();
    older.all(|older| {
        kind.ways_back
            .iter()
            .any(|back| back.to == older.from_schema)
    })
}
