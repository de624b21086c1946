//! Memory that a burst took and that is not needed any more is given back: a few chunks in one step, between blocks,
//! never while the gate is closed. What a chunk has needed since it was last visited it keeps, twice over, so that a
//! steady load allocates nothing.

use crate::engines::spare::shrink;
use crate::executor::Executor;
use crate::limits::{BLOCKS_PER_SPARE_STEP, DIRECTORY_SHRUNK_MAX, SPARE_CHUNKS_PER_STEP};
use std::sync::Arc;

/// Laps over all chunks after which nothing is left that was not needed: the first forgets what was needed before it.
const LAPS: u8 = 2;

impl Executor {
    /// After a block: now and then a step.
    pub(crate) fn after_block(&mut self) {
        self.spare.laps = LAPS;
        self.spare.blocks += 1;
        if self.spare.blocks >= BLOCKS_PER_SPARE_STEP {
            self.give_back_step();
        }
    }

    /// Whether there may be memory to give back that the blocks before have taken.
    pub fn may_have_spare(&self) -> bool {
        self.spare.laps > 0
    }

    /// Visits the next few chunks and gives back the memory they have not needed since they were last visited.
    pub fn give_back_step(&mut self) {
        let start = self.spare.next.min(self.engines.chunks.len());
        let end = (start + SPARE_CHUNKS_PER_STEP).min(self.engines.chunks.len());
        for chunk in &self.engines.chunks[start..end] {
            chunk.write().give_back();
        }
        (self.spare.next, self.spare.blocks) = (end, 0);
        if end == self.engines.chunks.len() {
            self.spare.next = 0;
            self.spare.laps = self.spare.laps.saturating_sub(1);
            shrink(&mut self.engines.chunks, end);
            // To move a larger one would be no small step.
            if self.engines.directory.len() <= DIRECTORY_SHRUNK_MAX {
                Arc::make_mut(&mut self.engines.directory).give_back();
            }
        }
    }

    /// Bytes of room in mailboxes and in what waits to be routed, used or not.
    pub fn room_bytes(&self) -> usize {
        let chunks = self
            .engines
            .chunks
            .iter()
            .map(|chunk| chunk.read().room_bytes());
        chunks.sum()
    }
}
