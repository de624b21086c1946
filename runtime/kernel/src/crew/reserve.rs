//! [`Reserve`]: memory for what a pause will make, taken from the system before it.
//!
//! A transition by hand copies every entry. On memory that is fresh from the system most of its time goes into
//! page faults, and into moving the end of the thread's own heap, page by page. So each worker of the crew takes
//! as much as it will need beforehand, writes to it, and gives it back to its allocator, which hands it out again
//! in the pause. One piece of each worker's stays taken: allocators give the end of a heap back to the system
//! when it becomes free, and that piece is the end.
//!
//! Nothing depends on it but time: too little, and the pause takes the rest; too much, and the rest goes back to
//! the system when the reserve is dropped. Taken in steps between blocks, so that no block waits long.

use super::{Command, Commands};
use crate::block::job::{Reserving, Taken};
use crate::limits::{RESERVE_BYTES_MAX, RESERVE_PIECE_BYTES, RESERVE_STEP_BYTES};
use crossbeam_channel::bounded;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The memory held for each worker. Drop it after the pause.
#[derive(Default)]
pub struct Reserve {
    held: Vec<Taken>,
    bytes: u64,
}

impl Reserve {
    /// Has the crew that listens to `commands` take about `bytes`, at most [`RESERVE_BYTES_MAX`], in equal parts.
    /// Waits for it; gives up when a step takes longer than `wait`.
    pub(crate) fn take(commands: &Commands, bytes: u64, workers: usize, wait: Duration) -> Self {
        let bytes =
            usize::try_from(bytes).map_or(RESERVE_BYTES_MAX, |bytes| bytes.min(RESERVE_BYTES_MAX));
        let of_step = (RESERVE_STEP_BYTES / RESERVE_PIECE_BYTES / workers.max(1)).max(1);
        let mut missing = bytes.div_ceil(RESERVE_PIECE_BYTES * workers.max(1));
        let mut reserve = Self::default();
        while missing > 0 {
            let pieces = missing.min(of_step);
            let Some(step) = step(commands, pieces, wait) else {
                break;
            };
            step.into_iter().for_each(|taken| reserve.add(taken));
            missing -= pieces;
        }
        reserve.ready();
        reserve
    }

    fn add(&mut self, mut taken: Taken) {
        self.bytes += (taken.pieces.len() * RESERVE_PIECE_BYTES) as u64;
        match self
            .held
            .iter_mut()
            .find(|held| held.worker == taken.worker)
        {
            Some(held) => held.pieces.append(&mut taken.pieces),
            None => self.held.push(taken),
        }
    }

    /// How much was taken of all workers, in bytes.
    pub fn taken_bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives all back to the allocators but the last piece of each worker.
    fn ready(&mut self) {
        for Taken { pieces, .. } in &mut self.held {
            pieces.drain(..pieces.len().saturating_sub(1));
        }
    }
}

/// One step of all workers; nothing if the crew does not answer in time.
fn step(commands: &Commands, pieces: usize, wait: Duration) -> Option<Vec<Taken>> {
    let reserving = Arc::new(Reserving {
        pieces,
        taken: Mutex::default(),
    });
    let (done, is_done) = bounded(1);
    let command = Command::Reserve(reserving.clone(), done);
    commands.send_timeout(command, wait).ok()?;
    is_done.recv_timeout(wait).ok()?;
    Some(std::mem::take(&mut reserving.taken.lock()))
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, workers) = (self.bytes, self.held.len());
        write!(f, "Reserve of {bytes} bytes on {workers} workers")
    }
}
