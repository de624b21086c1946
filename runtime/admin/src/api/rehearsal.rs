//! What a rehearsal found: `POST /v1/upgrades/rehearse`.

use super::Reason;
use refit_abi::Height;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One rehearsal: the real transitions, in a child process, on a copy of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsalReport {
    /// The pause that it took, in microseconds: the median of its runs. Absent if it failed.
    pub predicted_us: Option<u64>,
    /// The longest pause that the node accepts unless whoever applies the plan says otherwise, in
    /// microseconds.
    #[serde(default)]
    pub max_pause_us: Option<u64>,
    /// How often the upgrade was run.
    pub runs: u32,
    /// Engines that took part.
    pub engines: u64,
    /// Bytes of their states.
    pub state_bytes: u64,
    /// Memory that the upgrade needed at most on top of the states, in bytes.
    pub memory_bytes: u64,
    /// BLAKE3 over all new states, in hexadecimal; empty if it failed.
    pub digest: String,
    /// Time for the whole rehearsal, in microseconds; the node served meanwhile but for the copy.
    pub took_us: u64,
    /// How long no block ran while the states were copied for it, in microseconds; 0 if it failed.
    #[serde(default)]
    pub copy_us: u64,
    /// Why the upgrade would not commit, if it would not.
    pub reason: Option<Reason>,
    /// What the new code answers to what was asked last; absent if it failed, and from an older node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowReport>,
}

/// Blocks that the node has executed, carried out once more by the live code and once by the code that comes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowReport {
    /// The block behind which the upgrade is put.
    pub after: Height,
    /// Blocks that were carried out.
    pub blocks: u64,
    /// Replies that came out alike.
    pub same: u64,
    /// Replies that did not, by the kind of the engine that gave them.
    pub different: BTreeMap<String, u64>,
    /// The first of those.
    pub shown: Vec<ShadowDifference>,
    /// Engines that panic under the code that comes, and not under the live code.
    pub poisoned: Vec<String>,
    /// Why there are no blocks, or no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// A reply that comes out differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowDifference {
    /// The block of the message.
    pub height: Height,
    /// The engine.
    pub engine: String,
    /// What the live code answers, as text.
    pub live: String,
    /// What the code that comes answers.
    pub new: String,
}

/// Code that the node does not bring in again: `GET /v1/quarantine`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// BLAKE3 of the module files that came in together, in hexadecimal.
    pub artifacts: Vec<String>,
    /// What each of them is: its package and version. Empty from an older node.
    #[serde(default)]
    pub packages: Vec<String>,
    /// When they were tried, by the node's clock, in milliseconds since the Unix epoch; 0 from an older node.
    #[serde(default)]
    pub at_ms: u64,
    /// The block after which they were tried.
    pub height: u64,
    /// Whether they are refused, or only known to have failed once.
    pub state: QuarantineState,
    /// Stable name of what happened.
    pub code: String,
    /// What happened.
    pub reason: String,
}

/// What an entry means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum QuarantineState {
    /// A transition did not return: the code is refused until the entry is cleared.
    Quarantined,
    /// The upgrade was aborted by its own failure: it may be applied again, by hand.
    Failed,
}
