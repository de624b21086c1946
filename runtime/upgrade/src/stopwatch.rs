//! [`Stopwatch`]: when each phase of a pause was reached, by a clock of the caller's: this crate reads none.

use crate::armed::Armed;
use crate::phase::{Phase, Verdict, Watch, Withdrawn};
use refit_kernel::Quiesced;

/// When each phase of a pause was reached. One that was not reached took no time: it has the time of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times<T> {
    /// No block runs from here on.
    pub sweeping: T,
    /// The gate closes.
    pub closing: T,
    /// No handler runs.
    pub quiesced: T,
    /// All new states are made.
    pub transitioned: T,
    /// The new generation is published, or all of it is unwound.
    pub committed: T,
    /// The gate is open again.
    pub resumed: T,
}

/// Notes the times of one pause. The thread that reaches a phase calls it, and it makes no call but `now`.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch<T> {
    now: fn() -> T,
    times: Times<T>,
}

/// Notes when the new states are made; whether the upgrade goes on is the other's to say.
struct Noting<'a, T> {
    stopwatch: &'a mut Stopwatch<T>,
    watch: &'a mut dyn Watch,
}

impl<T: Copy + Send> Times<T> {
    /// All at once.
    fn all(now: T) -> Self {
        Self {
            sweeping: now,
            closing: now,
            quiesced: now,
            transitioned: now,
            committed: now,
            resumed: now,
        }
    }
}

impl<T: Copy + Send> Stopwatch<T> {
    /// One that reads the time with `now`.
    pub fn new(now: fn() -> T) -> Self {
        let times = Times::all(now());
        Self { now, times }
    }

    /// The noted times.
    pub fn times(&self) -> Times<T> {
        self.times
    }

    /// The block before is executed: no other runs from here on.
    pub fn sweeping(&mut self) {
        self.times.sweeping = (self.now)();
    }

    /// There is no pause after all: none of its phases takes any time.
    pub fn let_go(&mut self) {
        self.times = Times {
            sweeping: self.times.sweeping,
            ..Times::all((self.now)())
        };
    }

    /// The gate closes.
    pub fn closing(&mut self) {
        self.times.closing = (self.now)();
    }

    /// No handler runs.
    pub fn quiesced(&mut self) {
        let now = (self.now)();
        self.times.quiesced = now;
        // A phase that is not reached takes no time.
        self.times.transitioned = now;
        self.times.committed = now;
    }

    /// Takes the quiesced node through the upgrade, as [`Armed::run`].
    pub fn run(
        &mut self,
        armed: &Armed,
        quiesced: &mut Quiesced<'_>,
        watch: &mut dyn Watch,
    ) -> Verdict {
        let stopwatch = &mut *self;
        let verdict = armed.run(quiesced, &mut Noting { stopwatch, watch });
        // Not in `reached`, which the commit calls: here also the end of an abort is noted.
        self.times.committed = (self.now)();
        if matches!(verdict, Verdict::Aborted { .. }) {
            self.times.transitioned = self.times.committed;
        }
        verdict
    }

    /// The gate is open again.
    pub fn resumed(&mut self) {
        self.times.resumed = (self.now)();
    }
}

impl<T: Copy + Send> Watch for Noting<'_, T> {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        if phase == Phase::Transitioned {
            self.stopwatch.times.transitioned = (self.stopwatch.now)();
        }
        self.watch.reached(phase)
    }
}
