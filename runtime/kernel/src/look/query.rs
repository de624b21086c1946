//! Queries: an engine is asked between two blocks.

use crate::engines::slot::{Slot, SlotState};
use crate::executor::Executor;
use crate::generation::table::KindEntry;
use crate::limits::ANSWER_BYTES_MAX;
use crate::outcome::QueryError;
use refit_abi::host::running;
use refit_abi::raw::Codec;
use refit_abi::{EngineId, Undelivered};

impl Executor {
    /// Answers a query between two blocks, in the codec of the question.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query(
        &self,
        engine: EngineId,
        codec: Codec,
        query: &[u8],
    ) -> Result<Vec<u8>, QueryError> {
        let table = self.table();
        let ask = |slot: &mut Slot| {
            let entry = table.get(slot.kind).ok_or(QueryError::Unknown { engine })?;
            slot.settle(entry, self.settling.update_point);
            asked(slot, entry, codec, query)
        };
        let absent = || match self.engines.directory.absence(engine) {
            Undelivered::Unknown => Err(QueryError::Unknown { engine }),
            reason => Err(QueryError::Unavailable { engine, reason }),
        };
        self.engines.with(engine, ask).unwrap_or_else(absent)
    }
}

/// The answer of a settled engine to a query.
fn asked(
    slot: &Slot,
    entry: &KindEntry,
    codec: Codec,
    query: &[u8],
) -> Result<Vec<u8>, QueryError> {
    let engine = slot.id;
    let unavailable = |reason| QueryError::Unavailable { engine, reason };
    let instance = match &slot.state {
        SlotState::Live(instance) => instance,
        SlotState::Poisoned(_) => return Err(unavailable(Undelivered::Poisoned)),
        SlotState::Away => return Err(unavailable(Undelivered::Stopped)),
    };
    let mut answer = Vec::new();
    let _about = running::about(engine);
    entry
        .kind
        .query(instance, codec, query, &mut answer)
        .map_err(|error| QueryError::Call { engine, error })?;
    match answer.len() {
        ..=ANSWER_BYTES_MAX => Ok(answer),
        bytes => Err(QueryError::TooLarge { engine, bytes }),
    }
}
