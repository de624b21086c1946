//! [`CodeManifest`]: the code that executes a block, so that other code is refused at the first block instead of
//! coming to other results at some later one.

use crate::ManifestHash;
use refit_abi::descriptor::{CapabilityDescriptor, Descriptor, KindDescriptor};
use refit_abi::schema::{SchemaId, WordsId};
use serde::{Deserialize, Serialize};

/// Keeps a manifest's hash apart from every other hash.
const MANIFEST_CONTEXT: &str = "refit 2026 code manifest";

/// The form of a manifest's canonical bytes; they begin with it.
const MANIFEST_FORMAT: u8 = 1;

/// All code that is live together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeManifest {
    /// In the order of their names.
    kinds: Vec<KindCode>,
}

/// The code of one engine kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCode {
    /// The kind's name.
    pub kind: String,
    /// The version of its state.
    pub version: u32,
    /// BLAKE3 of the library that has it, in hexadecimal.
    pub artifact: String,
    /// Its types.
    pub schemas: KindSchemas,
    /// Under which names they are written as JSON: configuration, message, reply, query, answer.
    pub words: [WordsId; 5],
    /// How it behaves.
    pub flags: KindFlags,
    /// The abilities towards other kinds that it needs, if they are granted.
    pub needs: Vec<CapabilityDescriptor>,
    /// The compiler.
    pub toolchain: String,
    /// The target that it was compiled for.
    pub target: String,
    /// How: what a panic does.
    pub profile: String,
}

/// The types of one engine kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSchemas {
    /// Its state.
    pub state: SchemaId,
    /// The schema of its configuration.
    pub config: SchemaId,
    /// The messages it takes.
    pub message: SchemaId,
    /// The schema of its replies.
    pub reply: SchemaId,
    /// The queries it takes.
    pub query: SchemaId,
    /// The schema of its answers.
    pub answer: SchemaId,
    /// The older messages it converts, newest first, and the names under which they are read.
    pub older_messages: Vec<(SchemaId, WordsId)>,
    /// The upgrade messages it handles, if it does.
    pub upgrade_message: Option<SchemaId>,
}

/// How one engine kind behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindFlags {
    /// Its state comes back after a fault or a panic.
    pub rollback: bool,
    /// A part of its state crosses as bytes.
    pub crosses_as_bytes: bool,
    /// Its module transforms whole snapshots.
    pub transforms_snapshot: bool,
}

/// How two manifests differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeDifference {
    /// Only the first one has the kind.
    Missing {
        /// Its name.
        kind: String,
    },
    /// Only the second one has the kind.
    Extra {
        /// Its name.
        kind: String,
    },
    /// They have other code of the kind.
    Other {
        /// Its name.
        kind: String,
    },
}

impl KindCode {
    /// Of a kind of this module, whose file has this hash.
    pub fn of(module: &Descriptor, kind: &KindDescriptor, artifact: String) -> Self {
        let (older, words) = (&kind.older_messages, &kind.words);
        Self {
            kind: kind.kind.clone(),
            version: kind.version,
            artifact,
            schemas: KindSchemas {
                state: kind.schema,
                config: kind.config,
                message: kind.message,
                reply: kind.reply,
                query: kind.query,
                answer: kind.answer,
                older_messages: older.iter().map(|old| (old.schema, old.words.id)).collect(),
                upgrade_message: kind.upgrade_message,
            },
            words: [
                words.config.id,
                words.message.id,
                words.reply.id,
                words.query.id,
                words.answer.id,
            ],
            flags: KindFlags {
                rollback: kind.rollback,
                crosses_as_bytes: kind.crosses_as_bytes,
                transforms_snapshot: module.transforms_snapshot,
            },
            needs: kind.needs.clone(),
            toolchain: module.toolchain.clone(),
            target: module.target.clone(),
            profile: module.panic_mode.clone(),
        }
    }
}

impl CodeManifest {
    /// Of these kinds, in any order.
    pub fn new(mut kinds: Vec<KindCode>) -> Self {
        kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
        Self { kinds }
    }

    /// The code of all kinds, in the order of their names.
    pub fn kinds(&self) -> &[KindCode] {
        &self.kinds
    }

    /// Its hash: BLAKE3 over its canonical bytes, in a context of its own.
    pub fn hash(&self) -> ManifestHash {
        let bytes = match postcard::to_allocvec(&(MANIFEST_FORMAT, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("a manifest has only sized fields: {error}"),
        };
        let mut hasher = blake3::Hasher::new_derive_key(MANIFEST_CONTEXT);
        hasher.update(&bytes);
        ManifestHash(*hasher.finalize().as_bytes())
    }

    /// The first kind, by name, whose code differs.
    pub fn difference(&self, other: &Self) -> Option<CodeDifference> {
        let (mut ours, mut theirs) = (self.kinds.iter(), other.kinds.iter());
        loop {
            let kind = |code: &KindCode| code.kind.clone();
            return match (ours.next(), theirs.next()) {
                (Some(one), Some(two)) if one == two => continue,
                (Some(one), Some(two)) if one.kind == two.kind => {
                    Some(CodeDifference::Other { kind: kind(one) })
                }
                (Some(one), Some(two)) if one.kind < two.kind => {
                    Some(CodeDifference::Missing { kind: kind(one) })
                }
                (Some(one), None) => Some(CodeDifference::Missing { kind: kind(one) }),
                (_, Some(two)) => Some(CodeDifference::Extra { kind: kind(two) }),
                (None, None) => None,
            };
        }
    }
}
