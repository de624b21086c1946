//! Room that is not needed any more: what a chunk has needed since it was last visited it keeps, twice over, so that a
//! steady load allocates nothing.

use crate::engines::chunk::Chunk;
use crate::engines::outbox::Outbox;
use crate::limits::LIST_BYTES_KEPT;

/// How far giving back has come.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// The next chunk to be visited.
    pub(crate) next: usize,
    /// Laps that are left to do if no block comes.
    pub(crate) laps: u8,
    /// Blocks since the last step.
    pub(crate) blocks: u64,
}

impl Chunk {
    pub(crate) fn room_bytes(&self) -> usize {
        let mailboxes = self.slots.iter().map(|slot| slot.mailbox.room_bytes());
        room(&self.arena) + mailboxes.sum::<usize>() + self.outbox.room_bytes()
    }

    pub(crate) fn give_back(&mut self) {
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
pub(crate) fn shrink<T>(list: &mut Vec<T>, needed: usize) {
    let small = LIST_BYTES_KEPT / size_of::<T>().max(1);
    let keep = (2 * needed).max(small);
    if list.capacity() > 2 * keep {
        list.shrink_to(keep);
    }
}
