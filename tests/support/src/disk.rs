//! [`Disk`]: a disk in memory that remembers what was synced, and fails where it is told; [`remains`]: what is on it when
//! the power goes.

use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex};

/// What the disk was told, in order.
#[derive(Clone, Debug)]
pub enum Told {
    /// These bytes stand there from now on.
    Write {
        /// Where the first of them is.
        at: u64,
        /// All of them.
        bytes: Vec<u8>,
    },
    /// It has this many bytes from now on.
    Length(u64),
    /// All before this is on the disk for good.
    Sync,
}

/// When it fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fails {
    /// The number of the write or change of length that finds no room, and every one after it.
    pub write: Option<usize>,
    /// The number of the sync that fails, and every one after it.
    pub sync: Option<usize>,
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
pub struct Disk {
    state: Arc<Mutex<State>>,
}

impl Disk {
    /// An empty one that fails so.
    pub fn failing(fails: Fails) -> Self {
        let disk = Self::default();
        disk.fails(fails);
        disk
    }

    /// From now on it fails so.
    pub fn fails(&self, fails: Fails) {
        self.state.lock().unwrap().fails = fails;
    }

    /// A disk of these bytes.
    pub fn of(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.state.lock().unwrap().bytes = bytes;
        disk
    }

    /// What it holds.
    pub fn bytes(&self) -> Vec<u8> {
        self.state.lock().unwrap().bytes.clone()
    }

    /// Everything that it was told so far.
    pub fn told(&self) -> Vec<Told> {
        self.state.lock().unwrap().told.clone()
    }

    /// How many writes and syncs there were.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.writes, state.syncs)
    }
}

fn apply(bytes: &mut Vec<u8>, told: &Told) {
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

/// A disk writes a sector whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What is on the disk if the power goes after it was `told` this: all up to the last sync, and of the rest what `kept`
/// says. Of the last one the sectors that begin behind `torn` of its bytes are as they were before.
pub fn remains(told: &[Told], kept: &[bool], torn: usize) -> Vec<u8> {
    let synced = told.iter().rposition(|it| matches!(it, Told::Sync));
    let synced = synced.map_or(0, |place| place + 1);
    let mut bytes = Vec::new();
    told[..synced].iter().for_each(|it| apply(&mut bytes, it));
    let unsynced = told[synced..].iter().enumerate();
    let left: Vec<_> = unsynced
        .filter(|(place, _)| kept.get(*place).copied().unwrap_or(true))
        .map(|(_, it)| it)
        .collect();
    let Some((last, others)) = left.split_last() else {
        return bytes;
    };
    others.iter().for_each(|it| apply(&mut bytes, it));
    match last {
        Told::Write { at, bytes: new } => {
            let end = (*at as usize).saturating_add(torn) / SECTOR_BYTES * SECTOR_BYTES;
            let there = end.saturating_sub(*at as usize).min(new.len());
            let new = match torn >= new.len() {
                true => new.clone(),
                false => new[..there].to_vec(),
            };
            apply(
                &mut bytes,
                &Told::Write {
                    at: *at,
                    bytes: new,
                },
            );
        }
        other => apply(&mut bytes, other),
    }
    bytes
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
