//! The engines of a node: where they lie, what waits for each, and what each has asked for.
//!
//! An engine is a [`slot`] with a [`mailbox`] and [`timers`] in a [`chunk`], found by the [`directory`]. What the engines
//! of a chunk ask for in a round lies in its [`outbox`], as far as the round has [`room`] for it.

pub(crate) mod chunk;
pub(crate) mod configuration;
pub(crate) mod directory;
pub(crate) mod held;
pub(crate) mod last_good;
pub(crate) mod mailbox;
pub(crate) mod outbox;
pub(crate) mod places;
pub(crate) mod room;
pub(crate) mod slot;
pub(crate) mod slot_ref;
pub(crate) mod slot_timers;
pub(crate) mod spare;
pub(crate) mod timers;
pub(crate) mod undelivered;

use crate::amount::Amount;
use crate::engines::chunk::SharedChunk;
use crate::engines::directory::{Directory, Place};
use crate::engines::slot::Slot;
use crate::limits::CHUNK_ENGINES;
use refit_abi::EngineId;
use std::sync::Arc;

/// All engines of a node: where each lies, and what waits for them.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) chunks: Vec<SharedChunk>,
    pub(crate) directory: Arc<Directory>,
    /// Places of engines that have stopped in this round.
    pub(crate) gaps: Vec<Place>,
    /// Engines that lie in one chunk, at most.
    pub(crate) per_chunk: usize,
    /// Chunks with mail.
    pub(crate) active: Vec<u32>,
    /// The mail that waits for a round.
    pub(crate) waiting: Amount,
    /// The mail held back for the next block.
    pub(crate) held: Amount,
    /// Engines whose mail is held back.
    pub(crate) holders: Vec<EngineId>,
}

impl Engines {
    /// None.
    pub(crate) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            directory: Arc::default(),
            gaps: Vec::new(),
            per_chunk: CHUNK_ENGINES,
            active: Vec::new(),
            waiting: Amount::default(),
            held: Amount::default(),
            holders: Vec::new(),
        }
    }

    /// Does something with an engine; `None` if there is none of this id.
    pub(crate) fn with<T>(&self, id: EngineId, change: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let place = self.directory.get(id)?;
        let mut chunk = self.chunks[place.chunk as usize].write();
        Some(change(&mut chunk.slots[place.slot as usize]))
    }

    /// Looks at an engine; `None` if there is none of this id.
    pub(crate) fn look<T>(&self, id: EngineId, look: impl FnOnce(&Slot) -> T) -> Option<T> {
        let place = self.directory.get(id)?;
        let chunk = self.chunks[place.chunk as usize].read();
        Some(look(&chunk.slots[place.slot as usize]))
    }
}
