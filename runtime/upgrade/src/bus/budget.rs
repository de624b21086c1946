//! The counted budgets of one upgrade: the same on every node, whatever its speed.

use refit_abi::EngineId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the transitions of one upgrade may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusBudget {
    /// Upgrade messages.
    pub messages: u64,
    /// Rounds in which they are handled.
    pub rounds: u64,
    /// Bytes of messages, queries, answers and configurations.
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

/// Messages that are counted together: one shared counter for each would cost as much as the message.
const UNPAID_MESSAGES_MAX: u64 = 64;

/// Bytes that are counted together.
const UNPAID_BYTES_MAX: u64 = 64 << 10;

/// Messages that were sent and not yet taken from the budgets. All are before the stage or round ends,
/// so whether a budget is spent does not depend on who sent what when.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unpaid {
    /// Who sent last.
    pub(crate) engine: Option<EngineId>,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Unpaid {
    /// Counts one more message; whether it is time to take them from the budgets.
    #[inline]
    pub(crate) fn count(&mut self, engine: EngineId, bytes: usize) -> bool {
        self.engine = Some(engine);
        self.messages += 1;
        self.bytes += bytes as u64;
        self.messages >= UNPAID_MESSAGES_MAX || self.bytes >= UNPAID_BYTES_MAX
    }
}

/// What has been used.
#[derive(Debug)]
pub(crate) struct Spent {
    budget: BusBudget,
    messages: AtomicU64,
    rounds: AtomicU64,
    bytes: AtomicU64,
    engines: AtomicU64,
}

impl Spent {
    pub(crate) fn new(budget: BusBudget) -> Self {
        Self {
            budget,
            messages: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            engines: AtomicU64::new(0),
        }
    }

    /// Uses `count` more; false if that is more than there is.
    pub(crate) fn take(&self, what: Budget, count: u64) -> bool {
        let (spent, most) = match what {
            Budget::Messages => (&self.messages, self.budget.messages),
            Budget::Rounds => (&self.rounds, self.budget.rounds),
            Budget::Bytes => (&self.bytes, self.budget.bytes),
            Budget::Engines => (&self.engines, self.budget.engines),
        };
        let before = spent.fetch_add(count, Ordering::Relaxed);
        before.saturating_add(count) <= most
    }

    pub(crate) fn most(&self, what: Budget) -> u64 {
        match what {
            Budget::Messages => self.budget.messages,
            Budget::Rounds => self.budget.rounds,
            Budget::Bytes => self.budget.bytes,
            Budget::Engines => self.budget.engines,
        }
    }
}
