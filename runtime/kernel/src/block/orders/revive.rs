//! A revival: a poisoned engine goes on with the state that it had before the message that poisoned it.

use super::{Done, OrderError};
use crate::engines::slot::{Slot, SlotState};
use crate::executor::Executor;
use crate::generation::table::{GenerationTable, KindEntry};
use refit_abi::host::running;
use refit_abi::{EngineId, Height};

/// A state for a poisoned engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revival {
    /// The engine.
    pub engine: EngineId,
    /// The block in which it was poisoned: the state is of no other life of it.
    pub poisoned_at: Height,
    /// Its state, in postcard, as the code wrote it that panicked.
    pub state: Vec<u8>,
}

impl Executor {
    pub(super) fn revive(
        &mut self,
        revival: &Revival,
        table: &GenerationTable,
    ) -> Result<Done, OrderError> {
        let engine = revival.engine;
        let revived = self.engines.with(engine, |slot| {
            let entry = table.get(slot.kind)?;
            Some(revived(slot, entry, revival))
        });
        revived.flatten().unwrap_or_else(|| {
            let reason = self.engines.directory.absence(engine);
            Err(OrderError::NoEngine { engine, reason })
        })
    }
}

fn revived(slot: &mut Slot, entry: &KindEntry, revival: &Revival) -> Result<Done, OrderError> {
    let engine = slot.id;
    let SlotState::Poisoned(poison) = &slot.state else {
        return Err(OrderError::NotPoisoned { engine });
    };
    let taken = entry.kind.descriptor().schema;
    // A state that could not be settled is none of a message's doing: no replay comes to a good one.
    if poison.sender.is_none() || poison.height != revival.poisoned_at {
        let height = poison.height;
        return Err(OrderError::PoisonedElsewhere { engine, height });
    }
    if poison.schema != taken {
        let found = poison.schema;
        return Err(OrderError::OtherState {
            engine,
            found,
            taken,
        });
    }
    let _about = running::about(engine);
    let state = entry.kind.decode(&revival.state);
    let state = state.map_err(|error| OrderError::State { engine, error })?;
    slot.state = SlotState::Live(state);
    Ok(Done::Revived)
}
