//! [`SlotRef`]: one engine, to look at while no handler runs.

use crate::engines::configuration::Configuration;
use crate::engines::slot::{Counters, Next, Slot, SlotState};
use crate::generation::table::KindIndex;
use refit_abi::host::Instance;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Height};

/// One engine, to look at.
#[derive(Clone, Copy, Debug)]
pub struct SlotRef<'a> {
    pub(crate) slot: &'a Slot,
}

impl SlotRef<'_> {
    /// The engine.
    pub fn id(&self) -> EngineId {
        self.slot.id
    }

    /// Its kind.
    pub fn kind(&self) -> KindIndex {
        self.slot.kind
    }

    /// The engine that started it.
    pub fn parent(&self) -> Option<EngineId> {
        self.slot.parent
    }

    /// Its state, as the old code left it; `None` if it does not serve.
    pub fn instance(&self) -> Option<&Instance> {
        match &self.slot.state {
            SlotState::Live(instance) => Some(instance),
            SlotState::Poisoned(_) | SlotState::Away => None,
        }
    }

    /// Whether its state is not in this process: the node was made of an image without it.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.slot.state, SlotState::Away)
    }

    /// The new state that its transition made.
    pub fn next(&self) -> Option<&Next> {
        self.slot.next.as_ref()
    }

    /// Messages it has sent and engines it has spawned.
    pub fn counters(&self) -> Counters {
        self.slot.counters
    }

    /// Timers it has set.
    pub fn timers_set(&self) -> u64 {
        self.slot.timers.set
    }

    /// Messages it has handled in the block at `height`.
    pub fn handled_at(&self, height: Height) -> u64 {
        self.slot.handled_at(height)
    }

    /// Its configuration, as code whose configuration has this schema reads it; `None` if it would read bytes of
    /// another type. JSON of another type is read by its names, completely.
    pub fn config_for(&self, schema: SchemaId) -> Option<Configuration<'_>> {
        self.slot.config_for(schema)
    }

    /// The schema of that configuration's type.
    pub fn config_schema(&self) -> SchemaId {
        self.slot.config_schema
    }

    /// Messages that wait for it.
    pub fn mailbox(&self) -> usize {
        self.slot.mailbox.letters().len()
    }
}
