//! [`Counted`]: hears of each commit of blocks, and how long it took.

use crate::Spread;
use refit_store::{At, Committed, Step, Steps};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Most commits whose times are kept between two looks.
const TIMES_MAX: usize = 1 << 20;

/// Counts commits. A commit is one sync of the log's file.
#[derive(Debug, Default)]
pub(super) struct Counted(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    commits: u64,
    began: Option<Instant>,
    us: Vec<f64>,
}

impl Counted {
    pub(super) fn commits(&self) -> u64 {
        self.with(|counts| counts.commits)
    }

    /// What each commit since the last look took, in microseconds.
    pub(super) fn take_us(&self) -> Spread {
        Spread::of(self.with(|counts| std::mem::take(&mut counts.us)))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Counts) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Steps for Counted {
    fn at(&self, step: Step<'_>) {
        let Step::Commit {
            what: Committed::Blocks,
            at,
        } = step
        else {
            return;
        };
        self.with(|counts| match at {
            At::Begins => counts.began = Some(Instant::now()),
            At::Done => {
                counts.commits += 1;
                let us = counts.began.take().map(|began| began.elapsed());
                let us = us.filter(|_| counts.us.len() < TIMES_MAX);
                counts.us.extend(us.map(|us| us.as_secs_f64() * 1e6));
            }
        });
    }
}
