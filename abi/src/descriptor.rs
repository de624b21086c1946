//! The description that a module gives of itself: read before anything of it is used, printed by `refit engine
//! inspect`, compared by the plan.

use crate::schema::{LayoutId, SchemaId, Type};
use crate::words::Words;
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// [`crate::build::TOOLCHAIN`] of the contract.
    pub toolchain: String,
    /// [`crate::build::LAYOUT_EPOCH`] of the contract.
    pub layout_epoch: String,
    /// The target triple, such as `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// `unwind` or `abort`.
    pub panic_mode: String,
    /// The id that the builder stamped on this build, so that the running code can be asked for it.
    pub build_id: String,
    /// The release it was built for (`REFIT_RELEASE_ID` at its build), if it was.
    pub release_id: Option<String>,
    /// Cargo package name.
    pub package: String,
    /// Cargo package version.
    pub package_version: String,
    /// Whether it has a function over a whole snapshot.
    pub transforms_snapshot: bool,
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
    /// The schema of its configuration.
    pub config: SchemaId,
    /// The messages it takes.
    pub message: SchemaId,
    /// The schema of its replies to messages.
    pub reply: SchemaId,
    /// The queries it takes.
    pub query: SchemaId,
    /// The schema of its answers to queries.
    pub answer: SchemaId,
    /// The types behind these five schemas.
    pub interface: InterfaceDescriptor,
    /// The names under which these five are written and read as JSON, which no schema has.
    pub words: InterfaceWords,
    /// The older messages it converts, newest first.
    pub older_messages: Vec<OlderMessageDescriptor>,
    /// The upgrade messages it handles while an upgrade runs, if it does.
    pub upgrade_message: Option<SchemaId>,
    /// The kinds whose new states its transitions query.
    pub after: Vec<String>,
    /// Whether an engine's fault or panic is to leave its state as it was before the message.
    pub rollback: bool,
    /// The capabilities over engines of other kinds that it asks for; each needs a grant of the node.
    pub needs: Vec<CapabilityDescriptor>,
    /// The older states it can start from, newest first.
    pub migrations: Vec<MigrationDescriptor>,
    /// The older states that its own goes back to, newest first.
    pub ways_back: Vec<WayBackDescriptor>,
}

impl KindDescriptor {
    /// Whether it understands messages of this schema.
    pub fn accepts(&self, schema: SchemaId) -> bool {
        self.words_of(schema).is_some()
    }

    /// The words in which it reads messages of this schema, if it understands such.
    pub fn words_of(&self, schema: SchemaId) -> Option<&Words> {
        if self.message == schema {
            return Some(&self.words.message);
        }
        let mut older = self.older_messages.iter();
        let older = older.find(|older| older.schema == schema)?;
        Some(&older.words)
    }

    /// Whether it reads every message that `old` reads, and in the same words.
    pub fn reads_as(&self, old: &Self) -> bool {
        old.taken().all(|(schema, words)| {
            let now = self.words_of(schema);
            now.is_some_and(|now| now.id == words.id)
        })
    }

    /// The messages it understands, newest first, and the words in which it reads them.
    pub fn taken(&self) -> impl Iterator<Item = (SchemaId, &Words)> {
        let older = self.older_messages.iter();
        let older = older.map(|older| (older.schema, &older.words));
        std::iter::once((self.message, &self.words.message)).chain(older)
    }

    /// Whether it declares that it needs to do `ability` to engines of `kind`; to its own kind every
    /// engine may.
    pub fn declares(&self, ability: Ability, kind: &str) -> bool {
        self.kind == kind
            || self
                .needs
                .iter()
                .any(|need| need.ability == ability && need.kind == kind)
    }
}

/// The types that an engine kind exchanges with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceDescriptor {
    /// The type of its configuration.
    pub config: Type,
    /// The messages it takes.
    pub message: Type,
    /// The type of its replies to messages.
    pub reply: Type,
    /// The queries it takes.
    pub query: Type,
    /// The type of its answers to queries.
    pub answer: Type,
}

/// The words of these types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceWords {
    /// In which it is configured.
    pub config: Words,
    /// In which it is written to.
    pub message: Words,
    /// In which it replies.
    pub reply: Words,
    /// In which it is asked.
    pub query: Words,
    /// In which it answers.
    pub answer: Words,
}

/// An older version of a message that is converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OlderMessageDescriptor {
    /// Its schema.
    pub schema: SchemaId,
    /// The words in which it is read from a client.
    pub words: Words,
}

/// One [`crate::Capability`] as data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CapabilityDescriptor {
    /// The one thing that it may do to them.
    pub ability: Ability,
    /// To engines of which kind.
    pub kind: String,
}

/// One thing that an engine may do to engines of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Send them messages, also upgrade messages.
    Message,
    /// Start them, also over the upgrade bus.
    Spawn,
    /// Ask them over the upgrade bus.
    Read,
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Ability::Message => "message",
            Ability::Spawn => "spawn",
            Ability::Read => "read",
        })
    }
}

/// The way back to an older state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBackDescriptor {
    /// Schema hash of the older state.
    pub to: SchemaId,
    /// The number of steps back that are run as one: 1 to the version before, 2 to the one before that, …
    pub steps: u32,
}

/// The way from an older state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationDescriptor {
    /// Schema hash of the older state.
    pub from_schema: SchemaId,
    /// Layout hash of the frozen older type.
    pub from_layout: LayoutId,
    /// The older state, described.
    pub from: Type,
    /// Whether it is one function written by hand, or several steps run as one.
    pub by_hand: bool,
    /// The number of steps that are run as one: 1 from the version before, 2 from the one before that, …
    pub steps: u32,
    /// Whether only defaults are new.
    pub defaults_only: bool,
    /// Fields that move over unchanged.
    pub moved: Vec<String>,
    /// Fields that a function or a default makes.
    pub fresh: Vec<String>,
    /// Fields whose data is dropped.
    pub dropped: Vec<String>,
}
