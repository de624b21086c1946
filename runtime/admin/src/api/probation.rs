//! A generation that can be taken back, and what came of taking it back: `GET /v1/status`,
//! `POST /v1/upgrades/{id}/confirm` and `/rollback`.

use refit_abi::{Generation, Height};
use serde::{Deserialize, Serialize};

/// The live generation is on probation: it can be taken back whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbationStatus {
    /// The upgrade's number on this node; 0 if its report is no longer kept.
    pub upgrade: u64,
    /// The generation.
    pub generation: Generation,
    /// The last block of the one before.
    pub after: Height,
    /// The block with which it is permanent.
    pub until: Height,
    /// Whether replies are held back until then.
    #[serde(default)]
    pub holds_replies: bool,
    /// A state that does not pass its check, for which it does not become permanent by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsound: Option<String>,
}

/// A roll-back is decided: the node restarts, and carries it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBackAccepted {
    /// What is taken back.
    pub probation: ProbationStatus,
    /// The newest block: as many are made anew as come after the last of the generation before.
    pub height: Height,
}

/// What a roll-back has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBackReport {
    /// The branch that began with it.
    pub branch: u64,
    /// The last block that stayed.
    pub after: Height,
    /// The last block that was made anew.
    pub through: Height,
    /// Why: the stable word.
    pub code: String,
    /// Why, in words.
    pub detail: String,
    /// When it was over, by the node's own clock, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Replies that came out as clients were told.
    pub same: u64,
    /// Replies that came out differently.
    pub revised: u64,
    /// Replies that clients were told, and that no message has any more.
    pub lost: u64,
    /// Whether these counts are of all that was told. What was told before a restart of the node is not remembered.
    pub is_whole: bool,
    /// The first of the revised replies.
    #[serde(default)]
    pub shown: Vec<RevisedReply>,
}

/// A reply that came out differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisedReply {
    /// The block that has it now.
    pub height: Height,
    /// The engine.
    pub engine: String,
    /// The client and its number for the message; absent for a message without a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
