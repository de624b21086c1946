//! [`LogInMemory`]: a store whose blocks are in memory, and whose checkpoints are on a disk.

use refit_abi::Height;
use refit_store::{
    AppendError, Archive, BlockLog, DiskStore, Fault, Journal, JournalAppendError,
    JournalReadError, JournalRecord, MemoryStore, ReadError, Store, Wake,
};
use std::sync::Arc;

/// Blocks that wait for no disk, and checkpoints on one.
#[derive(Debug)]
pub(super) struct LogInMemory {
    log: MemoryStore,
    disk: DiskStore,
}

impl LogInMemory {
    pub(super) fn beside(disk: DiskStore) -> Self {
        Self {
            log: MemoryStore::default(),
            disk,
        }
    }
}

impl BlockLog for LogInMemory {
    fn append(&self, height: Height, block: &[u8]) -> Result<(), AppendError> {
        self.log.append(height, block)
    }

    fn durable_height(&self) -> Height {
        self.log.durable_height()
    }

    fn wake_with(&self, wake: Wake) {
        self.log.wake_with(wake);
    }

    fn fault(&self) -> Option<Fault> {
        self.disk.fault()
    }

    fn has_room(&self) -> bool {
        self.disk.has_room()
    }

    fn last(&self) -> Height {
        self.log.last()
    }

    fn read(&self, height: Height) -> Result<Arc<[u8]>, ReadError> {
        self.log.read(height)
    }
}

impl Journal for LogInMemory {
    fn journal_append(&self, record: &[u8]) -> Result<u64, JournalAppendError> {
        self.disk.journal_append(record)
    }

    fn journal_read(&self, from: u64) -> Result<Vec<JournalRecord>, JournalReadError> {
        self.disk.journal_read(from)
    }
}

impl Store for LogInMemory {
    fn archive(&self) -> Option<&dyn Archive> {
        Some(&self.disk)
    }
}
