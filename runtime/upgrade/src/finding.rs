//! [`Finding`]: what the linter says of a plan, and the list of all its codes.

use refit_abi::codes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The codes of all findings that there are.
pub const LINT_CODES: [&str; 21] = [
    codes::AFTER_UNKNOWN_KIND,
    codes::CAPABILITY_MISSING,
    codes::CAPABILITY_NEW,
    codes::CAPABILITY_UNKNOWN_KIND,
    codes::DATA_DROPPED,
    codes::DOWNGRADE,
    codes::ENGINE_POISONED,
    codes::HEIGHT_FAR,
    codes::HEIGHT_PASSED,
    codes::INTERFACE_CHANGED,
    codes::IRREVERSIBLE,
    codes::MESSAGES_NOT_ACCEPTED,
    codes::OUTSIDE_CALLS,
    codes::PAUSE_LONG,
    codes::RELEASE_QUARANTINED,
    codes::REPLIES_DIFFER,
    codes::SHADOW_POISONED,
    codes::STATE_COPIED,
    codes::TIMERS_DROPPED,
    codes::UPGRADE_MESSAGE_DEFERRED,
    codes::WORDS_CHANGED,
];

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know.
    Note,
    /// Something may be lost or refused.
    Warning,
    /// The plan is refused unless the code is allowed.
    Error,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// A short, stable word for programs.
    pub code: String,
    /// How much it weighs.
    pub level: Level,
    /// The kind that it is about; empty if it is about the whole plan.
    pub kind: String,
    /// What is the matter.
    pub reason: String,
    /// What to do.
    pub next: String,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}
