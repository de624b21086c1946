//! What a release consists of: [`Module`]s with their engine kinds, and [`Binary`]s.

use crate::content::FileId;
use refit_abi::descriptor::{CapabilityDescriptor, Descriptor, KindDescriptor};
use refit_abi::schema::SchemaId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One module: a library with engine kinds, as source, as files for some targets, or as both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The Cargo package that it is built from.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The package's folder in the source tree; empty if the release has no source, or the folder is the tree's top.
    pub folder: String,
    /// The epoch of the contract that it is built against (`refit_abi::build::ABI_EPOCH`).
    pub abi_epoch: u32,
    /// Its kinds, by their names.
    pub kinds: Vec<KindEntry>,
    /// The built files, by target and toolchain.
    pub artifacts: Vec<Artifact>,
}

/// One engine kind of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindEntry {
    /// The kind's name.
    pub kind: String,
    /// The version of its state (`#[state(version)]`).
    pub version: u32,
    /// The schemas of the states that it takes over, in the order of their bytes; none if the kind is new.
    pub from: Vec<SchemaId>,
    /// The schema of its state.
    pub to: SchemaId,
    /// How its engines come to the new code.
    pub strategy: Strategy,
    /// What it may do to engines of other kinds.
    pub capabilities: Vec<CapabilityDescriptor>,
}

impl KindEntry {
    /// What a manifest says of a kind that describes itself so.
    pub fn of(kind: &KindDescriptor, strategy: Strategy) -> Self {
        // Its own schema is adopted.
        let from = kind.migrations.iter().map(|older| older.from_schema);
        let from: BTreeSet<SchemaId> = from.chain([kind.schema]).collect();
        let capabilities: BTreeSet<_> = kind.needs.iter().cloned().collect();
        Self {
            kind: kind.kind.clone(),
            version: kind.version,
            from: from.into_iter().collect(),
            to: kind.schema,
            strategy,
            capabilities: capabilities.into_iter().collect(),
        }
    }
}

impl Module {
    /// In what a library is not what the manifest says of it; nothing if it is.
    pub fn differs(&self, found: &Descriptor) -> Option<&'static str> {
        let is_named = |entry: &&KindEntry| found.kinds.iter().any(|kind| kind.kind == entry.kind);
        let all_there = self.kinds.iter().filter(is_named).count() == found.kinds.len();
        let is_other = |entry: &KindEntry| {
            let mut kinds = found.kinds.iter();
            let kind = kinds.find(|kind| kind.kind == entry.kind);
            kind.is_none_or(|kind| KindEntry::of(kind, entry.strategy) != *entry)
        };
        if (&self.package, &self.version) != (&found.package, &found.package_version) {
            Some("its package or version")
        } else if self.abi_epoch != found.abi_epoch {
            Some("its ABI epoch")
        } else if !all_there || self.kinds.len() != found.kinds.len() {
            Some("which kinds it has")
        } else {
            let differs = self.kinds.iter().any(is_other);
            differs.then_some("the schemas or capabilities of its kinds")
        }
    }
}

/// How engines come to new code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// While the node serves, with their states.
    Hot,
    /// While the node serves, with fresh states: what they had is dropped.
    RestartEngine,
    /// The node starts again in between.
    RestartNode,
    /// The node stops, and the states are changed while nothing runs.
    Offline,
}

/// One built file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Artifact {
    /// The target triple.
    pub target: String,
    /// The toolchain that built it (`refit_abi::build::TOOLCHAIN`).
    pub toolchain: String,
    /// Its bytes.
    pub file: FileId,
    /// Their number.
    pub bytes: u64,
}

/// A file that is no module: a native library, or the node's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The files, by target and toolchain.
    pub artifacts: Vec<Artifact>,
}
