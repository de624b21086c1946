//! [`Point`]: what the crews do at the update point, with a stopwatch.

use super::watchdog::Pause;
use crate::watch::Watched;
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use refit_abi::Height;
use refit_kernel::crew::UpdatePoint;
use refit_kernel::{Parameters, Quiesced};
use refit_upgrade::{Armed, Failure, Phase, Verdict, Watch, Withdrawn};
use std::sync::Arc;
use std::time::Instant;

/// Runs one armed upgrade at its update point. Makes no system call but reading the clock, which
/// needs none, and the wake-ups of the crew.
pub(crate) struct Point {
    armed: Arc<Armed>,
    watch: Arc<Mutex<dyn Watch>>,
    watched: Arc<Watched>,
    times: Times,
    height: Height,
    verdict: Option<Verdict>,
    parameters: Option<Arc<Parameters>>,
    pause: Arc<Pause>,
    /// Who hears of the end: the driver and the upgrade's own thread.
    resumed: Vec<Sender<Resumed>>,
}

/// The gate is open again.
#[derive(Clone, Debug)]
pub(crate) struct Resumed {
    pub(crate) height: Height,
    pub(crate) verdict: Option<Verdict>,
    /// What holds for the next block.
    pub(crate) parameters: Option<Arc<Parameters>>,
    pub(crate) times: Times,
}

/// When each phase of the pause was reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// No block runs from here on.
    pub(crate) sweeping: Instant,
    pub(crate) closing: Instant,
    pub(crate) quiesced: Instant,
    pub(crate) transitioned: Instant,
    pub(crate) committed: Instant,
    pub(crate) resumed: Instant,
}

impl Point {
    pub(crate) fn new(
        armed: Arc<Armed>,
        (watch, watched): (Arc<Mutex<dyn Watch>>, Arc<Watched>),
        resumed: Vec<Sender<Resumed>>,
    ) -> Self {
        Self {
            armed,
            watch,
            watched,
            times: Times::all(Instant::now()),
            height: Height(0),
            verdict: None,
            parameters: None,
            pause: Arc::default(),
            resumed,
        }
    }

    /// What a watchdog looks at.
    pub(crate) fn pause(&self) -> Arc<Pause> {
        self.pause.clone()
    }

    /// Tells everyone how it ended.
    fn tell(self) {
        let Self {
            armed,
            verdict,
            parameters,
            times,
            height,
            resumed,
            ..
        } = self;
        // Let go before anyone hears of it: whoever retires counts the handles.
        drop(armed);
        for listener in resumed {
            let _ = listener.try_send(Resumed {
                height,
                verdict: verdict.clone(),
                parameters: parameters.clone(),
                times,
            });
        }
    }
}

impl Times {
    /// All at once.
    fn all(now: Instant) -> Self {
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

impl UpdatePoint for Point {
    fn sweeping(&mut self) {
        self.times.sweeping = Instant::now();
        self.pause.sweep();
    }

    fn sweeps_on(&mut self) -> bool {
        self.pause.sweeps_on()
    }

    fn let_go(mut self: Box<Self>, height: Height) {
        let lasted = self.pause.swept_for();
        let (phase, failure) = (Phase::Armed, Failure::Unsettled { lasted });
        self.verdict = Some(Verdict::Aborted { phase, failure });
        self.height = height;
        // There was no pause: none of its phases took any time.
        let now = Instant::now();
        self.times = Times {
            sweeping: self.times.sweeping,
            ..Times::all(now)
        };
        self.tell();
    }

    fn closing(&mut self) {
        self.times.closing = Instant::now();
        self.watched.pause(true);
        self.pause.begin();
    }

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        self.times.quiesced = Instant::now();
        // A phase that is not reached took no time.
        self.times.transitioned = self.times.quiesced;
        self.height = quiesced.height();
        self.pause.at(self.height);
        let armed = self.armed.clone();
        let watch = self.watch.clone();
        let mut stopwatch = Stopwatch {
            times: &mut self.times,
            watch: &watch,
            pause: &self.pause,
        };
        self.verdict = Some(armed.run(quiesced, &mut stopwatch));
        self.times.committed = Instant::now();
        self.parameters = Some(quiesced.executor().parameters().clone());
        if matches!(self.verdict, Some(Verdict::Aborted { .. })) {
            self.times.transitioned = self.times.committed;
        }
    }

    fn resumed(mut self: Box<Self>) {
        self.times.resumed = Instant::now();
        self.watched.pause(false);
        // An operator's watch has no say any more.
        let _ = self.watch.lock().reached(Phase::Resumed);
        self.tell();
    }
}

struct Stopwatch<'a> {
    times: &'a mut Times,
    watch: &'a Mutex<dyn Watch>,
    pause: &'a Pause,
}

impl Watch for Stopwatch<'_> {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        if phase == Phase::Transitioned {
            self.times.transitioned = Instant::now();
        }
        let given_up = || Withdrawn {
            reason: "the pause lasted longer than it may".to_owned(),
        };
        if self.pause.is_stuck() {
            return Err(given_up());
        }
        self.watch.lock().reached(phase)?;
        if phase == Phase::Transitioned && !self.pause.commits() {
            return Err(given_up());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_kernel::GenerationTable;
    use refit_upgrade::{Directives, Unwatched};

    #[test]
    fn who_is_let_go_before_the_gate_closes_is_told_as_aborted_and_had_no_pause() {
        let table = GenerationTable::first(Vec::new());
        let armed = Armed::new(&table, &[], &Directives::default()).unwrap();
        let (to_us, told) = crossbeam_channel::bounded(1);
        let watch: Arc<Mutex<dyn Watch>> = Arc::new(Mutex::new(Unwatched));
        let mut point = Point::new(Arc::new(armed), (watch, Arc::default()), vec![to_us]);
        point.sweeping();
        assert!(point.sweeps_on());
        Box::new(point).let_go(Height(5));
        let resumed = told.recv().unwrap();
        let Some(Verdict::Aborted { phase, failure }) = resumed.verdict else {
            panic!("it was not let go")
        };
        assert_eq!(
            (phase, failure.code(), failure.engine()),
            (Phase::Armed, "sweep-too-long", None)
        );
        assert!(failure.next().contains("apply the plan again"));
        assert_eq!((resumed.height, resumed.parameters), (Height(5), None));
        let times = resumed.times;
        assert!(times.sweeping <= times.closing);
        assert_eq!(times.closing, times.resumed);
    }
}
