//! [`Job`]: the joint work of the members of a crew, and the leader's [`Helpers`] in it.

use crate::block::round::Round;
use crate::limits::RESERVE_PIECE_BYTES;
use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;

/// The joint work of the members of a crew.
#[derive(Clone)]
pub(crate) enum Job {
    /// Handle the mail of some chunks.
    Round(Arc<Round>),
    /// Do numbered tasks while the gate is closed.
    Each(Arc<Each>),
    /// Take memory, each its part.
    Reserve(Arc<Reserving>),
}

/// The work of an [`Each`] for each number.
pub(crate) type Task = dyn Fn(usize) + Send + Sync;

/// Numbered tasks of a transition, each claimed by one worker.
pub(crate) struct Each {
    pub(crate) count: usize,
    pub(crate) claimed: AtomicUsize,
    pub(crate) task: Box<Task>,
}

/// One step of all workers; see [`Duty::reserve`](crate::Duty::reserve).
pub(crate) struct Reserving {
    /// The pieces that each of them takes.
    pub(crate) pieces: usize,
    pub(crate) taken: Mutex<Vec<Taken>>,
}

/// Memory of one worker, in the order it was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) worker: ThreadId,
    pub(crate) pieces: Vec<Vec<u8>>,
}

/// A leader's helpers; none if it works alone.
#[derive(Debug, Default)]
pub struct Helpers {
    pub(crate) jobs: Vec<Sender<Job>>,
    /// Whether the one that is done did not panic.
    pub(crate) done: Option<Receiver<bool>>,
}

impl Job {
    /// Claims work until none is left. Each member of the crew calls it once.
    pub(crate) fn work(&self) {
        match self {
            Job::Round(round) => round.work(),
            Job::Reserve(reserving) => reserving.work(),
            Job::Each(each) => {
                let claim = || each.claimed.fetch_add(1, Ordering::Relaxed);
                let mut number = claim();
                while number < each.count {
                    (each.task)(number);
                    number = claim();
                }
            }
        }
    }
}

impl Reserving {
    /// One worker's part.
    pub(crate) fn work(&self) {
        // Not zero: memory that must be zero need not be written to.
        let piece = |_| black_box(vec![1_u8; RESERVE_PIECE_BYTES]);
        let taken = Taken {
            worker: std::thread::current().id(),
            pieces: (0..self.pieces).map(piece).collect(),
        };
        self.taken.lock().push(taken);
    }
}

impl Helpers {
    /// No helpers: the caller works alone.
    pub fn none() -> Self {
        Self::default()
    }

    /// Works on `job` with all helpers, or `alone`, until it is done.
    pub(crate) fn run(&self, job: &Job, alone: bool) {
        let mut called = 0;
        if !alone {
            for helper in &self.jobs {
                called += usize::from(helper.send(job.clone()).is_ok());
            }
        }
        job.work();
        if let Some(done) = &self.done {
            for _ in 0..called {
                match done.recv() {
                    Ok(true) => {}
                    // The round is only half done: what follows from it would be wrong.
                    Ok(false) => panic!("a helper of the crew panicked"),
                    Err(_) => break,
                }
            }
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Job::Round(round) => write!(f, "Round of {} chunks", round.chunks.len()),
            Job::Each(each) => write!(f, "Each of {} tasks", each.count),
            Job::Reserve(reserving) => reserving.fmt(f),
        }
    }
}

impl fmt::Debug for Reserving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reserving {} pieces each", self.pieces)
    }
}
