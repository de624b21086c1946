//! [`MemoryStore`]: a store that lives as long as the process.
//!
//! Durable here means "appended": nothing outlives the process. When a bound is reached the oldest
//! blocks and records make room, and reading them says so; a node never stops for want of memory
//! that no recovery could use anyway.

use crate::store::{
    AppendError, BLOCK_BYTES_MAX, BlockLog, JOURNAL_READ_RECORDS_MAX, JOURNAL_RECORD_BYTES_MAX,
    Journal, JournalAppendError, JournalReadError, JournalRecord, ReadError, Store, Wake,
};
use crate::{Archive, Fault};
use parking_lot::RwLock;
use refit_abi::Height;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Most bytes of blocks that are kept in memory; each block is charged a little more than it has.
pub const MEMORY_LOG_BYTES_MAX: usize = 32 << 20;

/// Most journal records that are kept in memory.
pub const MEMORY_JOURNAL_RECORDS_MAX: usize = 65_536;

/// Most bytes of journal records that are kept in memory.
const MEMORY_JOURNAL_BYTES_MAX: usize = 32 << 20;

/// The cost of a kept block beside its bytes, in bytes: it bounds the number of empty blocks too.
const BLOCK_OVERHEAD_BYTES: usize = 64;

// A bound that one item can pass would leave nothing to keep.
const _: () = assert!(MEMORY_LOG_BYTES_MAX >= BLOCK_BYTES_MAX + BLOCK_OVERHEAD_BYTES);
const _: () = assert!(MEMORY_JOURNAL_BYTES_MAX >= JOURNAL_RECORD_BYTES_MAX);

/// Block log and journal in memory.
pub struct MemoryStore {
    blocks: RwLock<Window>,
    records: RwLock<Window>,
}

impl MemoryStore {
    /// An empty store whose first block will be the one after `tip`; `Height(0)` for a new node.
    pub fn after(tip: Height) -> Self {
        let blocks = Window::starting_at(
            tip.next().0,
            Bounds {
                items: usize::MAX,
                bytes: MEMORY_LOG_BYTES_MAX,
                item_overhead_bytes: BLOCK_OVERHEAD_BYTES,
            },
        );
        let records = Window::starting_at(
            0,
            Bounds {
                items: MEMORY_JOURNAL_RECORDS_MAX,
                bytes: MEMORY_JOURNAL_BYTES_MAX,
                item_overhead_bytes: 0,
            },
        );
        Self {
            blocks: RwLock::new(blocks),
            records: RwLock::new(records),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::after(Height(0))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (blocks, records) = (self.blocks.read(), self.records.read());
        f.debug_struct("MemoryStore")
            .field("oldest_block", &blocks.first)
            .field("blocks", &blocks.items.len())
            .field("block_bytes", &blocks.bytes)
            .field("records", &records.items.len())
            .finish()
    }
}

impl BlockLog for MemoryStore {
    fn append(&self, height: Height, block: &[u8]) -> Result<(), AppendError> {
        if block.len() > BLOCK_BYTES_MAX {
            return Err(AppendError::TooLarge {
                height,
                bytes: block.len(),
            });
        }
        // Copied before the lock is taken: readers wait for the append alone.
        let item = Arc::from(block);
        let mut blocks = self.blocks.write();
        let expected = Height(blocks.end());
        if height != expected {
            return Err(AppendError::Gap { height, expected });
        }
        blocks.push(item);
        Ok(())
    }

    fn durable_height(&self) -> Height {
        self.last()
    }

    /// Nobody is woken: what is appended is as durable as it will be when the append returns.
    fn wake_with(&self, _wake: Wake) {}

    fn fault(&self) -> Option<Fault> {
        None
    }

    fn has_room(&self) -> bool {
        true
    }

    fn last(&self) -> Height {
        Height(self.blocks.read().end().saturating_sub(1))
    }

    fn read(&self, height: Height) -> Result<Arc<[u8]>, ReadError> {
        let blocks = self.blocks.read();
        if height.0 < blocks.first {
            return Err(ReadError::Pruned {
                height,
                oldest: Height(blocks.first),
            });
        }
        let last = Height(blocks.end().saturating_sub(1));
        blocks
            .get(height.0)
            // A count, not the bytes: a reader keeps a block that the log forgets meanwhile.
            .cloned()
            .ok_or(ReadError::Missing { height, last })
    }
}

impl Journal for MemoryStore {
    fn journal_append(&self, record: &[u8]) -> Result<u64, JournalAppendError> {
        if record.len() > JOURNAL_RECORD_BYTES_MAX {
            return Err(JournalAppendError::TooLarge {
                bytes: record.len(),
            });
        }
        let item = Arc::from(record);
        let mut records = self.records.write();
        let index = records.end();
        records.push(item);
        Ok(index)
    }

    fn journal_read(&self, from: u64) -> Result<Vec<JournalRecord>, JournalReadError> {
        let records = self.records.read();
        if from < records.first {
            return Err(JournalReadError::Pruned {
                from,
                oldest: records.first,
            });
        }
        // In parts, so that a reader of a long journal does not hold the lock, and the memory, for all of it.
        let end = records
            .end()
            .min(from.saturating_add(JOURNAL_READ_RECORDS_MAX as u64));
        let record = |index| records.get(index).map(|bytes| (index, Arc::clone(bytes)));
        let found = (from..end).filter_map(record);
        Ok(found
            .map(|(index, bytes)| JournalRecord { index, bytes })
            .collect())
    }
}

impl Store for MemoryStore {
    fn archive(&self) -> Option<&dyn Archive> {
        None
    }
}

/// How much a [`Window`] keeps.
struct Bounds {
    items: usize,
    bytes: usize,
    item_overhead_bytes: usize,
}

/// The newest items of a numbered sequence, within bounds.
struct Window {
    /// The number of the oldest item that is kept; of the next item if none is.
    first: u64,
    items: VecDeque<Arc<[u8]>>,
    /// The bytes that the kept items are charged.
    bytes: usize,
    bounds: Bounds,
}

impl Window {
    fn starting_at(first: u64, bounds: Bounds) -> Self {
        Self {
            first,
            items: VecDeque::new(),
            bytes: 0,
            bounds,
        }
    }

    /// The number that the next item gets.
    fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    fn get(&self, number: u64) -> Option<&Arc<[u8]>> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.items.get(place)
    }

    fn charge(&self, item: &[u8]) -> usize {
        item.len() + self.bounds.item_overhead_bytes
    }

    /// Adds an item; the oldest make room for it.
    fn push(&mut self, item: Arc<[u8]>) {
        self.bytes += self.charge(&item);
        self.items.push_back(item);
        // Ends before the newest item: none is larger than the bound (asserted above).
        while self.bytes > self.bounds.bytes || self.items.len() > self.bounds.items {
            let Some(oldest) = self.items.pop_front() else {
                return;
            };
            self.bytes -= self.charge(&oldest);
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_keeps_the_newest_items_within_both_bounds() {
        let bounds = Bounds {
            items: 3,
            bytes: 10,
            item_overhead_bytes: 1,
        };
        let mut window = Window::starting_at(5, bounds);
        for length in [2, 2, 2, 2] {
            window.push(vec![0; length].into());
        }
        assert_eq!((window.first, window.items.len(), window.bytes), (6, 3, 9));
        window.push(vec![0; 6].into());
        assert_eq!((window.first, window.items.len(), window.bytes), (8, 2, 10));
        assert_eq!(window.end(), 10);
        assert!(window.get(7).is_none());
        assert_eq!(window.get(9).map(|item| item.len()), Some(6));
        assert!(window.get(10).is_none());
    }
}
