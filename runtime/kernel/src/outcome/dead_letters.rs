//! Dead letters, messages that no engine took and whose sender could not be told: kept up to a bound, all counted.

use crate::parameters::DeadLetterBounds;
use refit_abi::{EngineId, Sender, Undelivered};
use std::collections::{BTreeMap, VecDeque};

/// A message that no engine took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The sender.
    pub sender: Sender,
    /// The receiver.
    pub to: EngineId,
    /// Why it was not taken.
    pub reason: Undelivered,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A dead letter without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterBrief {
    /// The sender.
    pub sender: Sender,
    /// The receiver.
    pub to: EngineId,
    /// Why it was not taken.
    pub reason: Undelivered,
    /// Bytes of its payload.
    pub bytes: usize,
}

impl DeadLetter {
    pub(crate) fn of(sender: Sender, to: EngineId, reason: Undelivered, payload: &[u8]) -> Self {
        Self {
            sender,
            to,
            reason,
            payload: payload.to_vec(),
        }
    }
}

impl DeadLetterBrief {
    pub(crate) fn of(letter: &DeadLetter) -> Self {
        Self {
            sender: letter.sender,
            to: letter.to,
            reason: letter.reason,
            bytes: letter.payload.len(),
        }
    }
}

/// The newest dead letters, and how many there were in all.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    kept: VecDeque<DeadLetter>,
    /// How many are kept of those to each engine.
    to: BTreeMap<EngineId, usize>,
    count: u64,
    /// Bytes of those that are kept.
    bytes: usize,
}

impl DeadLetters {
    /// Those that were put back are the newest of `count` in all.
    pub(crate) fn counted(&mut self, count: u64) {
        self.count = count;
    }

    pub(crate) fn push(&mut self, letter: DeadLetter, most: DeadLetterBounds) {
        *self.to.entry(letter.to).or_default() += 1;
        self.bytes += letter.payload.len();
        self.kept.push_back(letter);
        self.count += 1;
        while (self.kept.len() > most.letters || self.bytes > most.bytes)
            && let Some(oldest) = self.kept.pop_front()
        {
            self.bytes -= oldest.payload.len();
            self.uncount(oldest.to);
        }
    }

    /// Keeps those to an engine no longer: it has stopped, and nobody will handle them. They stay counted.
    pub(crate) fn forget(&mut self, engine: EngineId) {
        if self.to.remove(&engine).is_some() {
            self.kept.retain(|letter| letter.to != engine);
            let bytes = |letter: &DeadLetter| letter.payload.len();
            self.bytes = self.kept.iter().map(bytes).sum();
        }
    }

    fn uncount(&mut self, engine: EngineId) {
        if let Some(kept) = self.to.get_mut(&engine) {
            *kept -= 1;
            if *kept == 0 {
                self.to.remove(&engine);
            }
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = &DeadLetter> {
        self.kept.iter()
    }
}
