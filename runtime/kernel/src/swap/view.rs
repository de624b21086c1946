//! [`View`]: the quiesced node as many workers look at it at once. Nothing of it changes while a view
//! is in use.

use crate::engines::chunk::SharedChunk;
use crate::engines::directory::{Directory, Place};
use crate::engines::slot::{Counters, Next, Slot, SlotState};
use crate::executor::Executor;
use crate::generation::table::{GenerationTable, KindIndex};
use crate::parameters::Parameters;
use refit_abi::host::{BlockFrame, Instance};
use refit_abi::raw::Codec;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Height};
use std::fmt;
use std::sync::Arc;

/// The quiesced node, to look at.
pub struct View {
    chunks: Vec<SharedChunk>,
    directory: Arc<Directory>,
    table: Arc<GenerationTable>,
    frame: BlockFrame,
    parameters: Arc<Parameters>,
}

/// One engine, to look at.
#[derive(Clone, Copy, Debug)]
pub struct SlotRef<'a> {
    pub(crate) slot: &'a Slot,
}

impl View {
    pub(crate) fn new(executor: &Executor) -> Self {
        Self {
            chunks: executor.engines.chunks.clone(),
            directory: executor.engines.directory.clone(),
            table: executor.table(),
            frame: executor.frame,
            parameters: executor.parameters.clone(),
        }
    }

    /// The code that is live.
    pub fn table(&self) -> &Arc<GenerationTable> {
        &self.table
    }

    /// The newest executed block.
    pub fn frame(&self) -> BlockFrame {
        self.frame
    }

    /// The node's parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Chunks.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// How many more engines there may be, whether they have names or not.
    pub fn room(&self) -> usize {
        let most = &self.parameters.engines;
        let engines = most.engines.saturating_sub(self.directory.len());
        engines.min(most.names.saturating_sub(self.directory.names()))
    }

    /// Whether there was an engine of this name, which has stopped.
    pub fn has_ended(&self, id: EngineId) -> bool {
        self.directory.has_ended(id)
    }

    /// Whether there is such an engine.
    pub fn contains(&self, id: EngineId) -> bool {
        self.directory.get(id).is_some()
    }

    /// Looks at one engine.
    pub fn with<T>(&self, id: EngineId, look: impl FnOnce(SlotRef<'_>) -> T) -> Option<T> {
        let Place { chunk, slot } = self.directory.get(id)?;
        // Recursive: a transition looks at other engines while its own chunk is being looked at. No
        // one waits to write while tasks look through a view.
        let chunk = self.chunks.get(chunk as usize)?.read_recursive();
        chunk
            .slots
            .get(slot as usize)
            .map(|slot| look(SlotRef { slot }))
    }

    /// Looks at the engines of one chunk in the order of their places, each with its number there. A poisoned one has no
    /// [`SlotRef::instance`].
    pub fn each_there(
        &self,
        chunk: usize,
        mut look: impl FnMut(u32, SlotRef<'_>) -> std::ops::ControlFlow<()>,
    ) {
        let Some(chunk) = self.chunks.get(chunk) else {
            return;
        };
        let chunk = chunk.read_recursive();
        for (number, slot) in chunk.look() {
            if look(number, slot).is_break() {
                return;
            }
        }
    }
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
    pub fn config_for(&self, schema: SchemaId) -> Option<(Codec, &[u8])> {
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

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("chunks", &self.chunks.len())
            .field("height", &self.frame.height)
            .finish_non_exhaustive()
    }
}
