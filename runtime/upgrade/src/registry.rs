//! [`Registry`]: which generations there were, and what became of each.

use refit_abi::{Generation, Height};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Generations that are remembered.
pub(crate) const GENERATIONS_MAX: usize = 1_024;

/// The state of one generation's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum GenerationState {
    /// It is live.
    Current,
    /// Its successor is live; its code is still mapped.
    Old,
    /// Its code is unmapped, as far as no later generation uses it.
    Retired,
    /// Some of its code cannot be unmapped.
    Pinned {
        /// The reason.
        reason: String,
    },
}

/// One generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationRecord {
    /// Its number.
    pub generation: Generation,
    /// The block after which it went live.
    pub since: Height,
    /// Its state.
    pub state: GenerationState,
}

/// The generations of one node, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    records: VecDeque<GenerationRecord>,
}

impl Registry {
    /// A generation went live; the one before is old.
    pub fn publish(&mut self, generation: Generation, since: Height) {
        if let Some(last) = self.records.back_mut() {
            last.state = GenerationState::Old;
        }
        // The oldest goes; one that old is long unmapped, or pinned for ever.
        if self.records.len() == GENERATIONS_MAX {
            self.records.pop_front();
        }
        let state = GenerationState::Current;
        self.records.push_back(GenerationRecord {
            generation,
            since,
            state,
        });
    }

    /// The old code of a generation is gone, or cannot go.
    pub fn retire(&mut self, generation: Generation, pinned: Option<String>) {
        let record = self
            .records
            .iter_mut()
            .find(|record| record.generation == generation);
        if let Some(record) = record {
            record.state = match pinned {
                None => GenerationState::Retired,
                Some(reason) => GenerationState::Pinned { reason },
            };
        }
    }

    /// All that are remembered, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &GenerationRecord> {
        self.records.iter()
    }
}
