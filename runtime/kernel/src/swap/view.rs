//! [`View`]: the quiesced node as many workers look at it at once. Nothing of it changes while a view
//! is in use.

use crate::engines::chunk::SharedChunk;
use crate::engines::directory::{Directory, Place};
use crate::engines::slot_ref::SlotRef;
use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::parameters::Parameters;
use refit_abi::EngineId;
use refit_abi::host::BlockFrame;
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

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("chunks", &self.chunks.len())
            .field("height", &self.frame.height)
            .finish_non_exhaustive()
    }
}
