//! Messages that no engine took and no sender could be told of: kept up to a bound, all counted.

use crate::limits::DEAD_LETTERS_MAX;
use refit_abi::{EngineId, Sender, Undelivered};
use std::collections::VecDeque;

/// A message that no engine took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Who sent it.
    pub sender: Sender,
    /// To whom.
    pub to: EngineId,
    /// Why it was not taken.
    pub reason: Undelivered,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// The newest dead letters, and how many there were in all.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    kept: VecDeque<DeadLetter>,
    count: u64,
}

impl DeadLetters {
    /// The newest of `count` in all, oldest first.
    pub(crate) fn restored(kept: impl Iterator<Item = DeadLetter>, count: u64) -> Self {
        Self {
            kept: kept.take(DEAD_LETTERS_MAX).collect(),
            count,
        }
    }

    pub(crate) fn push(&mut self, letter: DeadLetter) {
        if self.kept.len() == DEAD_LETTERS_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(letter);
        self.count += 1;
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn kept(&self) -> impl Iterator<Item = &DeadLetter> {
        self.kept.iter()
    }
}
