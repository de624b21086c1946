//! What a release consists of: [`Module`]s with their engine kinds, and [`Binary`]s.

use crate::content::FileId;
use refit_abi::descriptor::CapabilityDescriptor;
use refit_abi::schema::SchemaId;
use serde::{Deserialize, Serialize};

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
