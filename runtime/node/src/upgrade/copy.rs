//! [`Copier`]: asks the crew for a copy of the engines between two blocks, with nothing under way that a fork must not
//! meet.

use super::Upgrades;
use crate::limits::RETIRE_WAIT_MAX;
use crate::rehearsal::{Copying, Forked, Order, RehearsalError};
use crossbeam_channel::bounded;
use refit_abi::Generation;
use refit_kernel::{Executor, ImageScope};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// The crew has not begun it.
const WAITS: u8 = 0;
/// The crew is at it: the asker waits for the end.
const BEGUN: u8 = 1;
/// Nobody waits for it any more: it is not done.
const GIVEN_UP: u8 = 2;

/// Has one copy made.
pub(super) struct Copier<'a> {
    pub(super) upgrades: &'a Upgrades,
    /// The generation that the rehearsal is for.
    pub(super) generation: Generation,
    pub(super) scope: ImageScope,
    /// Processor time for it, in seconds.
    pub(super) cpu_s: u64,
}

/// A copy that the crew has made.
struct Copied {
    forked: Result<Forked, RehearsalError>,
    /// How long no block ran for it.
    took: Duration,
}

impl Copier<'_> {
    /// Has the copy written behind `head`; adds to `copied` how long no block ran for it.
    pub(super) fn copy(
        self,
        to: OwnedFd,
        head: Vec<u8>,
        copied: &mut Duration,
    ) -> Result<Box<dyn Copying>, RehearsalError> {
        let order = Order {
            scope: self.scope,
            head,
            to,
            cpu_s: self.cpu_s,
        };
        // Taken before the crew is asked: it waits for nobody, and no library is half mapped in the copy.
        let _settled = self.upgrades.loader.settled();
        let stage = Arc::new(AtomicU8::new(WAITS));
        let (answer, answered) = bounded(1);
        let (crews, planned) = (stage.clone(), self.generation);
        let fork = move |executor: &mut Executor| {
            if decide(&crews, BEGUN) {
                let start = Instant::now();
                let forked = fork(executor, planned, order);
                let took = start.elapsed();
                // The asker may have given up: then the copy ends with its channel.
                let _ = answer.send(Copied { forked, took });
            }
        };
        let duty = &self.upgrades.duty;
        let sent = duty.call_within(fork, RETIRE_WAIT_MAX);
        sent.map_err(|_| not_come())?;
        // It delays the unmapping of a library: no longer than there is a crew.
        let answer: Option<Copied> = match duty.answer(&answered, RETIRE_WAIT_MAX) {
            Err(_) if !decide(&stage, GIVEN_UP) => answered.recv().ok(),
            answer => answer.ok(),
        };
        let Copied { forked, took } = answer.ok_or_else(not_come)?;
        *copied += took;
        let forked = forked?;
        forked.goes_first(&self.upgrades.loader);
        Ok(Box::new(forked))
    }
}

/// Decides what becomes of the copy, unless that was decided.
fn decide(stage: &AtomicU8, to: u8) -> bool {
    let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
    let decided = stage.compare_exchange(WAITS, to, success, failure);
    decided.is_ok()
}

fn fork(executor: &Executor, planned: Generation, order: Order) -> Result<Forked, RehearsalError> {
    let live = executor.table().number();
    if live != planned {
        return Err(RehearsalError::Overtaken { planned, live });
    }
    Forked::fork(executor, order).map_err(|source| RehearsalError::NoFork { source })
}

pub(super) fn not_come() -> RehearsalError {
    let seconds = RETIRE_WAIT_MAX.as_secs();
    RehearsalError::NoImage { seconds }
}
