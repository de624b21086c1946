//! [`Disk`]: a disk in memory that remembers what was synced, and fails where it is told.

use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex};

/// What the disk was told, in order.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Write { at: u64, bytes: Vec<u8> },
    Length(u64),
    Sync,
}

/// When it fails.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fails {
    /// The number of the write or change of length that finds no room, and every one after it.
    pub(crate) write: Option<usize>,
    /// The number of the sync that fails, and every one after it.
    pub(crate) sync: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    told: Vec<Told>,
    fails: Fails,
    writes: usize,
    syncs: usize,
}

/// A clone is the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
}

impl Disk {
    pub(crate) fn failing(fails: Fails) -> Self {
        let disk = Self::default();
        disk.state.lock().unwrap().fails = fails;
        disk
    }

    /// A disk of these bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.state.lock().unwrap().bytes = bytes;
        disk
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state.lock().unwrap().bytes.clone()
    }

    /// Everything that it was told so far.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.state.lock().unwrap().told.clone()
    }

    /// How many writes and syncs there were.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.writes, state.syncs)
    }
}

/// Applies what a disk was told.
pub(crate) fn apply(bytes: &mut Vec<u8>, told: &Told) {
    match told {
        Told::Write { at, bytes: new } => {
            let at = *at as usize;
            if bytes.len() < at + new.len() {
                bytes.resize(at + new.len(), 0);
            }
            bytes[at..at + new.len()].copy_from_slice(new);
        }
        Told::Length(length) => bytes.resize(*length as usize, 0),
        Told::Sync => {}
    }
}

impl State {
    fn takes(&mut self, told: Told) -> io::Result<()> {
        self.writes += 1;
        if self.fails.write.is_some_and(|from| self.writes > from) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        apply(&mut self.bytes, &told);
        self.told.push(told);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock().unwrap();
        let from = state.bytes.get(offset as usize..).unwrap_or_default();
        match from.get(..out.len()) {
            Some(found) => {
                out.copy_from_slice(found);
                Ok(())
            }
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.state.lock().unwrap().takes(Told::Length(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.syncs += 1;
        if state.fails.sync.is_some_and(|from| state.syncs > from) {
            return Err(io::Error::from_raw_os_error(5));
        }
        state.told.push(Told::Sync);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let bytes = bytes.to_vec();
        self.state.lock().unwrap().takes(Told::Write { at, bytes })
    }
}
