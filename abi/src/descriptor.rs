//! What a module says of itself: read before anything of it is used, printed by `refit engine
//! inspect`, compared by the plan.

use crate::schema::{LayoutId, SchemaId, Type};
use serde::{Deserialize, Serialize};

/// Longest descriptor that a node accepts, in bytes.
pub const DESCRIPTOR_BYTES_MAX: usize = 1 << 20;

/// A module's description of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// [`crate::build::ABI_EPOCH`] of the contract it was built against.
    pub abi_epoch: u32,
    /// Release of the compiler.
    pub compiler_release: String,
    /// Commit of the compiler.
    pub compiler_commit: String,
    /// Target triple.
    pub target: String,
    /// `unwind` or `abort`.
    pub panic_mode: String,
    /// What the builder stamped on this build, so that the running code can be asked for it.
    pub build_id: String,
    /// Cargo package name.
    pub package: String,
    /// Cargo package version.
    pub package_version: String,
    /// The engine kinds, in the order of the export.
    pub kinds: Vec<KindDescriptor>,
}

/// One engine kind of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindDescriptor {
    /// The kind's name.
    pub kind: String,
    /// `#[state(version = n)]` of the state, else 0.
    pub version: u32,
    /// Schema hash of the state.
    pub schema: SchemaId,
    /// Layout hash of the state.
    pub layout: LayoutId,
    /// The state, described.
    pub state: Type,
    /// Whether a `#[state(serde)]` field is inside: then it crosses as bytes.
    pub crosses_as_bytes: bool,
    /// What it is started with.
    pub config: SchemaId,
    /// The messages it takes.
    pub message: SchemaId,
    /// What it replies.
    pub reply: SchemaId,
    /// The queries it takes.
    pub query: SchemaId,
    /// What it answers.
    pub answer: SchemaId,
    /// The older states it can start from.
    pub migrations: Vec<MigrationDescriptor>,
}

/// One step from an older state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationDescriptor {
    /// Schema hash of the older state.
    pub from_schema: SchemaId,
    /// Layout hash of the frozen older type.
    pub from_layout: LayoutId,
    /// The older state, described.
    pub from: Type,
    /// Whether it is one function written by hand.
    pub by_hand: bool,
    /// Whether only defaults are new.
    pub defaults_only: bool,
    /// Fields that move over unchanged.
    pub moved: Vec<String>,
    /// Fields that a function or a default makes.
    pub fresh: Vec<String>,
    /// Fields whose data is dropped.
    pub dropped: Vec<String>,
}
