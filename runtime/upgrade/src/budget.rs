//! The counted budgets of one upgrade: the same on every node, whatever its speed.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The most that the transitions of one upgrade may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusBudget {
    /// Upgrade messages.
    pub messages: u64,
    /// Rounds in which they are handled.
    pub rounds: u64,
    /// Bytes of messages, queries, answers, configurations and log lines.
    pub bytes: u64,
    /// Engines that are started.
    pub engines: u64,
}

impl Default for BusBudget {
    fn default() -> Self {
        Self {
            messages: 1 << 22,
            rounds: 1 << 16,
            bytes: 1 << 30,
            engines: 1 << 20,
        }
    }
}

/// Which of the budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// [`BusBudget::messages`].
    Messages,
    /// [`BusBudget::rounds`].
    Rounds,
    /// [`BusBudget::bytes`].
    Bytes,
    /// [`BusBudget::engines`].
    Engines,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Budget::Messages => "messages",
            Budget::Rounds => "rounds",
            Budget::Bytes => "bytes",
            Budget::Engines => "engines",
        })
    }
}

impl BusBudget {
    /// How much of one of them there is.
    pub(crate) fn most(&self, what: Budget) -> u64 {
        match what {
            Budget::Messages => self.messages,
            Budget::Rounds => self.rounds,
            Budget::Bytes => self.bytes,
            Budget::Engines => self.engines,
        }
    }
}
