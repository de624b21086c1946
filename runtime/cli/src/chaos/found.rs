//! [`Found`]: an invariant that did not hold; [`Violation`]: where that was, and how to see it again.

use refit_abi::codes;
use serde::Serialize;
use std::fmt;

/// The invariant that did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    /// What was acknowledged is not there.
    Lost,
    /// A request was applied more than once.
    AppliedTwice,
    /// A request that was answered is answered otherwise.
    ReplyDiffers,
    /// A request was refused that must be taken.
    Refused,
    /// An answer has not the form that it must have.
    NotUnderstood,
    /// A read shows less than was acknowledged or read before.
    ReadWentBack,
    /// A read shows what nobody sent.
    ReadUnsent,
    /// A height is lower than one that was seen before.
    HeightWentBack,
    /// A branch is lower than one that was seen before.
    BranchWentBack,
    /// A branch began that nobody has ordered.
    BranchUnordered,
    /// A roll-back that the node had accepted is not carried out.
    RollBackForgotten,
    /// The node's report of a roll-back has replies that came out otherwise, or that are gone.
    RepliesRevised,
    /// A snapshot cannot be restored.
    NotRestored,
    /// A generation is lower than one that was seen before.
    GenerationWentBack,
    /// One height has answers of two generations, or a later one those of an earlier generation.
    GenerationMixed,
    /// The code that is live is not that of its generation.
    CodeDiffers,
    /// The history of upgrades does not have the one that made the live generation.
    HistoryIncomplete,
    /// Another start gives another state.
    NotTheSameAgain,
    /// The node does not announce, answer or become ready in time.
    NodeSilent,
    /// The node ended by itself.
    NodeEnded,
    /// The node executes no block any more.
    NodeHalted,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::AppliedTwice => "applied-twice",
            Self::ReplyDiffers => "reply-differs",
            Self::Refused => "refused",
            Self::NotUnderstood => "not-understood",
            Self::ReadWentBack => "read-went-back",
            Self::ReadUnsent => "read-unsent",
            Self::HeightWentBack => "height-went-back",
            Self::BranchWentBack => "branch-went-back",
            Self::BranchUnordered => "branch-unordered",
            Self::RollBackForgotten => "roll-back-forgotten",
            Self::RepliesRevised => "replies-revised",
            Self::NotRestored => "not-restored",
            Self::GenerationWentBack => "generation-went-back",
            Self::GenerationMixed => "generation-mixed",
            Self::CodeDiffers => "code-differs",
            Self::HistoryIncomplete => "history-incomplete",
            Self::NotTheSameAgain => "not-the-same-again",
            Self::NodeSilent => "node-silent",
            Self::NodeEnded => codes::NODE_ENDED,
            Self::NodeHalted => codes::NODE_HALTED,
        })
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    pub(super) check: Check,
    /// The client whose request shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    /// The key of that request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    pub(super) detail: String,
}

impl Found {
    /// Of no client.
    pub(super) fn new(check: Check, detail: impl Into<String>) -> Self {
        Self {
            check,
            client: None,
            key: None,
            detail: detail.into(),
        }
    }
}

/// An invariant that did not hold, in its round.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Violation {
    pub(super) round: u32,
    pub(super) seed: u64,
    /// The kill before it: its step, or `by-time`.
    pub(super) step: Option<String>,
    #[serde(flatten)]
    pub(super) found: Found,
    /// The command that plays just this round again.
    pub(super) again: String,
    /// The folder of the round, which is kept.
    pub(super) folder: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            round, step, found, ..
        } = self;
        let step = step.as_deref().unwrap_or("no kill");
        write!(f, "violation {} in round {round} after {step}", found.check)?;
        if let Some(key) = &found.key {
            write!(f, ", key {key}")?;
        } else if let Some(client) = &found.client {
            write!(f, ", client {client}")?;
        }
        let (detail, again, folder) = (&found.detail, &self.again, &self.folder);
        write!(f, ": {detail}\n  again: {again}\n  kept: {folder}")
    }
}
