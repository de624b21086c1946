//! Looking at the engines between two blocks: how they are, how many, what their states are.

use crate::executor::Executor;
use crate::slot::{EngineStatus, SlotState};
use crate::table::KindIndex;
use refit_abi::EngineId;
use refit_abi::host::CallError;

/// States as postcard, each with its engine.
pub type States = Vec<(EngineId, Vec<u8>)>;

impl Executor {
    /// How the first `most` engines are, in the order they were started.
    pub fn statuses(&self, most: usize) -> Vec<EngineStatus> {
        let mut statuses = Vec::new();
        for chunk in &self.chunks {
            let left = most - statuses.len();
            statuses.extend(chunk.lock().statuses().take(left));
            if statuses.len() == most {
                break;
            }
        }
        statuses
    }

    /// How many engines that are not stopped there are of each kind, in the order of the table.
    pub fn kind_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.shared.table.load().iter().count()];
        for chunk in &self.chunks {
            for slot in &chunk.lock().slots {
                let serves = !matches!(slot.state, SlotState::Stopped);
                if let Some(count) = counts.get_mut(slot.kind.0 as usize).filter(|_| serves) {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// Runs the own check of every live engine whose kind is among those that `of` names.
    ///
    /// # Errors
    /// The first engine, in the order they were started, whose state does not pass, and why.
    pub fn check_states(
        &self,
        of: impl Fn(KindIndex) -> bool,
    ) -> Result<(), (EngineId, CallError)> {
        let table = self.table();
        for chunk in &self.chunks {
            for slot in &mut chunk.lock().slots {
                let Some(entry) = table.get(slot.kind).filter(|_| of(slot.kind)) else {
                    continue;
                };
                slot.settle(entry, self.height);
                if let SlotState::Live(instance) = &slot.state {
                    let passed = entry.kind.check(instance);
                    passed.map_err(|error| (slot.id, error))?;
                }
            }
        }
        Ok(())
    }

    /// Every live engine's state as postcard, in the order they were started.
    ///
    /// # Errors
    /// The first engine whose state could not be written, and why.
    pub fn encode_states(&self) -> Result<States, (EngineId, CallError)> {
        let table = self.table();
        let mut states = Vec::with_capacity(self.engines());
        for chunk in &self.chunks {
            for slot in &mut chunk.lock().slots {
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
