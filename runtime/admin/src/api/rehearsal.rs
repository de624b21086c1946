//! What a rehearsal found: `POST /v1/upgrades/rehearse`.

use super::Reason;
use serde::{Deserialize, Serialize};

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
