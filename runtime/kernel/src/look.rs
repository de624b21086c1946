//! Looking at the engines between two blocks: how they are, how many, what their states are.

use crate::executor::Executor;
use crate::slot::{EngineStatus, SlotState};
use refit_abi::EngineId;
use refit_abi::host::CallError;

/// States as postcard, each with its engine.
pub type States = Vec<(EngineId, Vec<u8>)>;

/// How many engines there are of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCount {
    /// Those that are not stopped.
    pub serving: u64,
    /// Of these, the poisoned ones.
    pub poisoned: u64,
}

impl Executor {
    /// How the first `most` engines are, in the order they were started.
    pub fn statuses(&self, most: usize) -> Vec<EngineStatus> {
        let mut statuses = Vec::new();
        for chunk in &self.chunks {
            let left = most - statuses.len();
            statuses.extend(chunk.read().statuses().take(left));
            if statuses.len() == most {
                break;
            }
        }
        statuses
    }

    /// How many engines that are not stopped there are of each kind, in the order of the table.
    pub fn kind_counts(&self) -> Vec<KindCount> {
        let mut counts = vec![KindCount::default(); self.shared.table.load().iter().count()];
        for chunk in &self.chunks {
            for slot in &chunk.read().slots {
                let Some(count) = counts.get_mut(slot.kind.0 as usize) else {
                    continue;
                };
                count.serving += u64::from(!matches!(slot.state, SlotState::Stopped));
                count.poisoned += u64::from(matches!(slot.state, SlotState::Poisoned(_)));
            }
        }
        counts
    }

    /// Every live engine's state as postcard, in the order they were started.
    ///
    /// # Errors
    /// The first engine whose state could not be written, and why.
    pub fn encode_states(&self) -> Result<States, (EngineId, CallError)> {
        let table = self.table();
        let mut states = Vec::with_capacity(self.engines());
        for chunk in &self.chunks {
            for slot in &mut chunk.write().slots {
                let Some(entry) = table.get(slot.kind) else {
                    continue;
                };
                slot.settle(entry, self.height);
                let SlotState::Live(instance) = &slot.state else {
                    continue;
                };
                let mut bytes = Vec::new();
                entry
                    .kind
                    .encode(instance, &mut bytes)
                    .map_err(|error| (slot.id, error))?;
                states.push((slot.id, bytes));
            }
        }
        Ok(states)
    }
}
