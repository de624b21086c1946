//! Memory that a burst took and that is not needed any more is given back: a few chunks in one step, between blocks,
//! never while the gate is closed. What a chunk has needed since it was last visited it keeps, twice over, so that a
//! steady load allocates nothing.

use crate::engines::chunk::Chunk;
use crate::engines::outbox::Outbox;
use crate::executor::Executor;
use crate::limits::{
    BLOCKS_PER_SPARE_STEP, DIRECTORY_SHRUNK_MAX, LIST_BYTES_KEPT, SPARE_CHUNKS_PER_STEP,
};
use std::sync::Arc;

/// Laps over all chunks after which nothing is left that was not needed: the first forgets what was needed before it.
const LAPS: u8 = 2;

/// How far giving back has come.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// The next chunk to be visited.
    next: usize,
    /// Laps that are left to do if no block comes.
    laps: u8,
    /// Blocks since the last step.
    blocks: u64,
}

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
}

impl Executor {
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

impl Chunk {
    fn room_bytes(&self) -> usize {
        let mailboxes = self.slots.iter().map(|slot| slot.mailbox.room_bytes());
        room(&self.arena) + mailboxes.sum::<usize>() + self.outbox.room_bytes()
    }

    fn give_back(&mut self) {
        let needed = std::mem::take(&mut self.arena_needed);
        shrink(&mut self.arena, needed);
        for slot in &mut self.slots {
            let (letters, needed) = slot.mailbox.room();
            shrink(letters, needed);
        }
        self.outbox.give_back();
    }
}

impl Outbox {
    /// Its present size is the size that it needed.
    pub(crate) fn note_needed(&mut self) {
        self.bytes_needed = self.bytes_needed.max(self.bytes.len());
        let lists = [
            self.sends.len(),
            self.spawns.len(),
            self.stops.len(),
            self.timers.len(),
            self.events.len(),
            self.answers.len(),
            self.notices.len(),
            self.dead.len(),
        ];
        let longest = lists.into_iter().fold(self.list_needed, usize::max);
        self.list_needed = longest;
    }

    fn room_bytes(&self) -> usize {
        let lists = [
            room(&self.bytes),
            room(&self.sends),
            room(&self.spawns),
            room(&self.stops),
            room(&self.timers),
            room(&self.events),
            room(&self.answers),
            room(&self.notices),
            room(&self.dead),
            room(&self.logs),
        ];
        lists.iter().sum()
    }

    fn give_back(&mut self) {
        let bytes = std::mem::take(&mut self.bytes_needed);
        let list = std::mem::take(&mut self.list_needed);
        shrink(&mut self.bytes, bytes);
        shrink(&mut self.sends, list);
        shrink(&mut self.spawns, list);
        shrink(&mut self.stops, list);
        shrink(&mut self.timers, list);
        shrink(&mut self.events, list);
        shrink(&mut self.answers, list);
        shrink(&mut self.notices, list);
        shrink(&mut self.dead, list);
    }
}

fn room<T>(list: &Vec<T>) -> usize {
    list.capacity() * size_of::<T>()
}

/// Gives back what a list has of room beyond four times what was needed; a small one is left alone.
fn shrink<T>(list: &mut Vec<T>, needed: usize) {
    let small = LIST_BYTES_KEPT / size_of::<T>().max(1);
    let keep = (2 * needed).max(small);
    if list.capacity() > 2 * keep {
        list.shrink_to(keep);
    }
}
