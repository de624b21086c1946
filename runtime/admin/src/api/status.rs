//! How a node is: `GET /v1/status`.

use super::probation::ProbationStatus;
use super::{Life, UpgradeReport};
use refit_abi::descriptor::{CapabilityDescriptor, KindDescriptor};
use refit_abi::host::Explained;
use refit_abi::schema::SchemaId;
use refit_abi::{BlockTime, Generation, Height};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most engines that a [`Status`] lists; `engines_total` counts them all.
pub const ENGINES_SHOWN_MAX: usize = 1000;

/// Most poisoned engines that a [`Status`] lists; the kinds' numbers count them all.
pub const POISONED_SHOWN_MAX: usize = 100;

/// Most dead letters that a [`Status`] lists.
pub const DEAD_LETTERS_SHOWN_MAX: usize = 20;

/// One look at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub node: NodeInfo,
    /// The last executed block.
    pub height: Height,
    /// The live generation.
    pub generation: Generation,
    /// The time that the last block carries, in milliseconds since the Unix epoch.
    pub block_time_ms: BlockTime,
    /// The expected time from one block to the next, in microseconds: the mean while blocks are made, else that of
    /// a node that only waits for a height.
    pub block_us: u64,
    /// The first [`ENGINES_SHOWN_MAX`] engines that run, in the node's own order: as they were started, but that the
    /// newest have the places of those that have stopped.
    pub engines: Vec<EngineStatus>,
    /// Number of all engines that run.
    pub engines_total: u64,
    /// The first [`POISONED_SHOWN_MAX`] engines that panicked and take no messages, each with the message that did it.
    #[serde(default)]
    pub poisoned: Vec<PoisonStatus>,
    /// Messages that no engine took and of which no sender could be told.
    #[serde(default)]
    pub dead_letters: DeadLetters,
    /// What the node no longer keeps of requests under keys.
    #[serde(default)]
    pub forgotten: ForgottenKeys,
    /// The engine kinds of the live generation.
    pub kinds: Vec<KindStatus>,
    /// The parameters that hold for the next block, and since when: `GET /v1/parameters` shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<ParametersStatus>,
    /// What the node grants, for the kinds that its parameters list; all others are granted what
    /// they declare.
    #[serde(default)]
    pub grants: BTreeMap<String, Vec<CapabilityDescriptor>>,
    /// The upgrade under way.
    pub upgrade: Option<u64>,
    /// The block after which it happens, if its plan says one and it waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_at: Option<Height>,
    /// The last upgrade that came to an end.
    pub last_upgrade: Option<UpgradeReport>,
    /// Entries of the quarantine whose code the node refuses: `GET /v1/quarantine` lists them, with why.
    #[serde(default)]
    pub quarantined: u64,
    /// Why the quarantine list could not be written, if the file does not have what the node has: what is missing there is
    /// forgotten when the node ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_unwritten: Option<String>,
    /// Why upgrades and roll-backs are refused until the node is started again, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrades_refused: Option<Explained>,
    /// Engine libraries in this process.
    pub libraries: Libraries,
    /// Worker threads of the live crew.
    pub workers: u32,
    /// The node was in a block, or has copied states, and did not look at its engines for this: what is said of them and of
    /// the kinds' numbers is as it was after this block, or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engines_at: Option<Height>,
    /// The live generation can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probation: Option<ProbationStatus>,
    /// How often the chain was rolled back or restored: blocks of one height on two branches are two blocks.
    #[serde(default)]
    pub branch: u64,
    /// The node is starting, and takes no messages: the last block of its log, which it executes again up to there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting: Option<Height>,
    /// A call into an engine that does not return. While it is there, what is said of engines and of the
    /// kinds' numbers is what was last known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<StuckStatus>,
    /// Why the node executes no more blocks, if it has refused a decided one; it answers queries still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<HaltedStatus>,
}

/// Which parameters hold for the next block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParametersStatus {
    /// Their hash: 64 hexadecimal digits.
    pub hash: String,
    /// The block after which they came into force; 0: those that this run of the node began with.
    pub since: Height,
}

/// The node has refused a decided block and goes no further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltedStatus {
    /// Stable name of the reason, such as `block-receipt`.
    pub code: String,
    /// Which block, and what is not as it must be.
    pub detail: String,
    /// What to do next.
    pub next: String,
}

/// A call into an engine that does not return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckStatus {
    /// The engine's id, where it is known.
    pub engine: Option<String>,
    /// Its kind.
    pub kind: String,
    /// What it was asked to do, such as `handle`, `query`, `init`.
    pub call: String,
    /// A sentence: which engine, which message, since when.
    pub detail: String,
    /// For how long, in milliseconds, not counting time in which the node did not run.
    pub lasted_ms: u64,
}

/// The process that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// How long it may not serve for an upgrade that it cannot do while it serves, in milliseconds; absent if nobody has
    /// said it: then only for one that is ordered so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_downtime_ms: Option<u64>,
    /// Whether code that may do more than the live code is refused, unless its plan allows it.
    #[serde(default)]
    pub refuses_new_capabilities: bool,
    /// Version of the node.
    pub version: String,
    /// ABI epoch that engines must be built against.
    pub abi_epoch: u32,
    /// Commit of the compiler that engines must be built with.
    pub compiler: String,
    /// Process id.
    pub pid: u32,
    /// Which run of the node it is, as in the header `Refit-Life`; an older node does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<Life>,
    /// Seconds since the start, if the node keeps count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    /// Where it serves, if it has been told.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Its data folder, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// Whether its next start goes on where it ended; an older node does not say, and does not.
    #[serde(default)]
    pub outlives: bool,
}

/// One engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineStatus {
    /// The engine's id, as text.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Whether it serves.
    pub state: EngineState,
    /// Messages in its mailbox.
    pub mailbox: u64,
    /// Messages it has handled.
    pub messages: u64,
}

/// Why an engine is poisoned: whoever looks for its last good state, or for what the message was, finds them by this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoisonStatus {
    /// The engine's id, as text.
    pub engine: String,
    /// The kind of the code that panicked.
    pub kind: String,
    /// The version of that code's state.
    pub version: u32,
    /// The schema of that code's state.
    pub schema: SchemaId,
    /// The block in which it did.
    pub height: Height,
    /// Who sent the message, such as "client 38e8…", "engine `kv`", "a timer"; `None` if it was none, but the settling
    /// of a migrated state.
    pub sender: Option<String>,
    /// That message's sequence.
    pub sequence: u64,
    /// What the panic said, shown and cut.
    pub detail: String,
}

/// Messages that no engine took and of which no sender could be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// All of them since the node's first block.
    pub total: u64,
    /// Those that the node keeps; those of an engine that has stopped went with it.
    pub kept: u64,
    /// The newest [`DEAD_LETTERS_SHOWN_MAX`] of these, the newest first.
    pub newest: Vec<DeadLetter>,
}

/// What the node no longer keeps of requests under keys, counted since its first block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenKeys {
    /// Answers that had to make place: a repeat of such a request is refused.
    pub answers: u64,
    /// Clients that were silent and had to make place for others: nothing is kept of them.
    pub clients: u64,
}

/// A message that no engine took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// To whom, by id.
    pub to: String,
    /// Who sent it, as in [`PoisonStatus::sender`].
    pub sender: String,
    /// Why it was not taken, such as `poisoned`, `full`, `rejected`.
    pub reason: String,
    /// Bytes of its payload.
    pub bytes: u64,
}

/// Whether an engine serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EngineState {
    /// It serves.
    Live,
    /// It panicked; its messages get typed replies.
    Poisoned,
}

/// One engine kind of the live generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindStatus {
    /// What the module says of it.
    pub descriptor: KindDescriptor,
    /// The package that the code comes from; empty from an older node, as its version and file.
    #[serde(default)]
    pub package: String,
    /// Version of that package.
    #[serde(default)]
    pub package_version: String,
    /// What its builder stamped on it.
    pub build_id: String,
    /// BLAKE3 hash of its library file, in hexadecimal.
    pub artifact: String,
    /// Where that file was when it came in, on the node's machine.
    #[serde(default)]
    pub file: String,
    /// The generation that brought this code.
    pub generation_since: Generation,
    /// Number of engines of this kind.
    pub engines: u64,
    /// Of these, the ones that panicked and take no messages.
    #[serde(default)]
    pub poisoned: u64,
}

/// Engine libraries in the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Libraries {
    /// Libraries that are mapped.
    pub mapped: u64,
    /// Of these, the ones that are retired but could not be unmapped.
    pub pinned: u64,
    /// Why each of those is pinned.
    pub pinned_reasons: Vec<String>,
}
