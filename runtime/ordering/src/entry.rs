//! [`Entry`]: one item of a block, and which of them this node can carry out.
//!
//! An operator's order is an entry as a message is: every node that executes the block carries it out. The format has
//! a place for all of them; those that nothing here carries out yet are refused before their block is executed, by
//! name, and never passed over. The outcome of an upgrade is no entry: the header says it, once.

use crate::{BlockRefused, PlanDigest, PlanEntry};
use refit_abi::host::{Ingress, Share};
use refit_abi::raw::Codec;
use refit_abi::{ClientId, EngineId, Height};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// Longest authenticator of a message, in bytes.
pub const AUTHENTICATOR_BYTES_MAX: usize = 4 << 10;

/// Most entries of one block.
pub const ENTRIES_PER_BLOCK_MAX: usize = 65_536;

/// Longest code of a failure, in bytes.
pub const FAILURE_CODE_BYTES_MAX: usize = 64;

/// Longest state of an engine that is revived, in bytes: it is in a block, and among the orders that wait for one.
pub const REVIVED_STATE_BYTES_MAX: usize = 1 << 20;

/// One item of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A client's message.
    Message(Message),
    /// Other parameters from the next block on.
    Parameters {
        /// Under which it is ordered; `None`: it is an order of its own.
        key: Option<OrderKey>,
        /// The canonical bytes of what changes.
        changes: Vec<u8>,
    },
    /// Which code comes in, and when.
    Plan {
        /// Under which it is taken on; `None`: it is a plan of its own.
        key: Option<OrderKey>,
        /// The canonical bytes of a [`PlanEntry`](crate::PlanEntry).
        plan: Vec<u8>,
    },
    /// A message of a block before is passed over.
    Skip {
        /// The block that has it.
        height: Height,
        /// Its place there, from 0.
        index: u64,
    },
    /// A poisoned engine goes on with the state that it had before the message that poisoned it.
    Revive {
        /// Under which it is ordered; `None`: it is an order of its own.
        key: Option<OrderKey>,
        /// The engine.
        engine: EngineId,
        /// The block of that message.
        poisoned_at: Height,
        /// The state, in postcard.
        state: Vec<u8>,
    },
    /// An engine starts afresh.
    Restart {
        /// Under which it is ordered; `None`: it is an order of its own.
        key: Option<OrderKey>,
        /// The engine.
        engine: EngineId,
    },
}

/// The operator and the number of an order: a repeat has the same ones, and is not carried out again. The keys of
/// messages are of the same kind, and no two requests have one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderKey {
    /// The operator's client id.
    pub client: ClientId,
    /// The client's number for it.
    pub sequence: u64,
    /// By which way the order came in.
    pub share: Share,
}

/// The kind of an [`Entry`], without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// [`Entry::Message`].
    Message,
    /// [`Entry::Parameters`].
    Parameters,
    /// [`Entry::Plan`].
    Plan,
    /// [`Entry::Skip`].
    Skip,
    /// [`Entry::Revive`].
    Revive,
    /// [`Entry::Restart`].
    Restart,
}

/// One message of a client, with what proves who sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What the executor gets.
    #[serde(with = "IngressForm")]
    pub ingress: Ingress,
    /// The proof of its sender; empty with solo ordering, where a client's name is no identity.
    pub authenticator: Vec<u8>,
}

/// An [`Ingress`] as blocks have it: the order of the fields is the format.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Ingress")]
struct IngressForm {
    engine: EngineId,
    client: ClientId,
    share: Share,
    sequence: Option<u64>,
    #[serde(with = "CodecForm")]
    codec: Codec,
    #[serde(serialize_with = "in_one_go")]
    payload: Vec<u8>,
}

/// A [`Codec`] as blocks have it: the order of the variants is the format, and another one than at the seam to modules.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Codec")]
enum CodecForm {
    Json,
    Postcard,
}

/// The outcome of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeOutcome {
    /// The plan.
    pub plan: PlanDigest,
    /// How it ended.
    pub end: UpgradeEnd,
}

/// How an upgrade ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpgradeEnd {
    /// The new code is live.
    Committed,
    /// The old code goes on.
    Aborted {
        /// The stable word for why.
        code: String,
    },
}

/// Writes bytes in one go. In postcard they are what a list of single bytes is.
fn in_one_go<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl Entry {
    /// Its kind.
    pub fn kind(&self) -> EntryKind {
        match self {
            Entry::Message(_) => EntryKind::Message,
            Entry::Parameters { .. } => EntryKind::Parameters,
            Entry::Plan { .. } => EntryKind::Plan,
            Entry::Skip { .. } => EntryKind::Skip,
            Entry::Revive { .. } => EntryKind::Revive,
            Entry::Restart { .. } => EntryKind::Restart,
        }
    }

    /// The message that it is, if it is one.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Entry::Message(message) => Some(message),
            _ => None,
        }
    }

    /// How many bytes of what it says are not of a fixed length.
    pub fn payload_bytes(&self) -> usize {
        match self {
            Entry::Message(message) => message.ingress.payload.len() + message.authenticator.len(),
            Entry::Parameters { changes, .. } => changes.len(),
            Entry::Plan { plan, .. } => plan.len(),
            Entry::Revive { state, .. } => state.len(),
            Entry::Skip { .. } | Entry::Restart { .. } => 0,
        }
    }

    /// Whether this node can carry it out, as far as its kind says.
    pub(crate) fn check(&self, height: Height, index: u64) -> Result<(), BlockRefused> {
        match self {
            Entry::Message(message) => message.check(height, index),
            Entry::Parameters { .. } | Entry::Restart { .. } => Ok(()),
            Entry::Plan { plan, .. } => {
                let read = PlanEntry::from_bytes(plan);
                read.map(drop).map_err(|error| BlockRefused::Entry {
                    height,
                    index,
                    kind: self.kind(),
                    why: error.to_string(),
                })
            }
            Entry::Revive { state, .. } if state.len() > REVIVED_STATE_BYTES_MAX => {
                Err(BlockRefused::Entry {
                    height,
                    index,
                    kind: self.kind(),
                    why: format!(
                        "its state has {} bytes, at most {REVIVED_STATE_BYTES_MAX} are taken",
                        state.len()
                    ),
                })
            }
            Entry::Revive { .. } => Ok(()),
            Entry::Skip { .. } => Err(BlockRefused::EntryKind {
                height,
                index,
                kind: self.kind(),
            }),
        }
    }
}

impl Message {
    fn check(&self, height: Height, index: u64) -> Result<(), BlockRefused> {
        let bytes = self.authenticator.len();
        match bytes {
            0 => Ok(()),
            1..=AUTHENTICATOR_BYTES_MAX => Err(BlockRefused::Authenticator { height, index }),
            _ => Err(BlockRefused::AuthenticatorTooLong {
                height,
                index,
                bytes,
            }),
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            EntryKind::Message => "message",
            EntryKind::Parameters => "parameters",
            EntryKind::Plan => "plan",
            EntryKind::Skip => "skip",
            EntryKind::Revive => "revive",
            EntryKind::Restart => "restart",
        })
    }
}

impl fmt::Display for UpgradeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            UpgradeEnd::Committed => write!(f, "plan {} committed", self.plan),
            UpgradeEnd::Aborted { code } => write!(f, "plan {} aborted: {code}", self.plan),
        }
    }
}
