//! [`Point`]: what the crews do at the update point, with a stopwatch.

use super::watchdog::Pause;
use crate::watch::Watched;
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use refit_abi::Height;
use refit_kernel::crew::UpdatePoint;
use refit_kernel::{Parameters, Quiesced};
use refit_upgrade::{Armed, Failure, Phase, Stopwatch, Times, Verdict, Watch, Withdrawn};
use std::sync::Arc;
use std::time::Instant;

/// Runs one armed upgrade at its update point. Makes no system call but reading the clock, which
/// needs none, and the wake-ups of the crew.
pub(crate) struct Point {
    armed: Arc<Armed>,
    watches: Watches,
    stopwatch: Stopwatch<Instant>,
    height: Height,
    verdict: Option<Verdict>,
    parameters: Option<Arc<Parameters>>,
    pause: Arc<Pause>,
    /// The receivers of the end: the driver and the upgrade's own thread.
    resumed: Vec<Sender<Resumed>>,
}

/// The gate is open again.
#[derive(Clone, Debug)]
pub(crate) struct Resumed {
    pub(crate) height: Height,
    pub(crate) verdict: Option<Verdict>,
    /// The parameters of the next block, if the upgrade changed them.
    pub(crate) parameters: Option<Arc<Parameters>>,
    pub(crate) times: Times<Instant>,
}

/// The watchers of a pause.
pub(crate) struct Watches {
    /// The operator's, which may withdraw the upgrade.
    pub(crate) watch: Arc<Mutex<dyn Watch>>,
    /// The watchdog of calls reads this.
    pub(crate) watched: Arc<Watched>,
}

/// Those that may still stop the upgrade in the pause: the watchdog, and the operator's watch.
struct Guard<'a> {
    watch: &'a Mutex<dyn Watch>,
    pause: &'a Pause,
}

impl Point {
    pub(crate) fn new(armed: Arc<Armed>, watches: Watches, resumed: Vec<Sender<Resumed>>) -> Self {
        Self {
            armed,
            watches,
            stopwatch: Stopwatch::new(Instant::now),
            height: Height(0),
            verdict: None,
            parameters: None,
            pause: Arc::default(),
            resumed,
        }
    }

    /// The pause, as a watchdog sees it.
    pub(crate) fn pause(&self) -> Arc<Pause> {
        self.pause.clone()
    }

    /// Tells everyone how it ended.
    fn tell(self) {
        let Self {
            armed,
            verdict,
            parameters,
            stopwatch,
            height,
            resumed,
            ..
        } = self;
        // Dropped before anyone learns of the end: the retirement counts the handles.
        drop(armed);
        for listener in resumed {
            // Each has room for its one message, and one that is gone needs none: nobody is waited for in a pause.
            let _ = listener.try_send(Resumed {
                height,
                verdict: verdict.clone(),
                parameters: parameters.clone(),
                times: stopwatch.times(),
            });
        }
    }
}

impl UpdatePoint for Point {
    fn sweeping(&mut self) {
        self.stopwatch.sweeping();
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
        self.stopwatch.let_go();
        self.tell();
    }

    fn closing(&mut self) {
        self.stopwatch.closing();
        // The watchdog of calls looks away: transitions may take longer than a message.
        self.watches.watched.pause(true);
        self.pause.begin();
    }

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        self.stopwatch.quiesced();
        self.height = quiesced.height();
        self.pause.at(self.height);
        let mut guard = Guard {
            watch: &self.watches.watch,
            pause: &self.pause,
        };
        let verdict = self.stopwatch.run(&self.armed, quiesced, &mut guard);
        self.verdict = Some(verdict);
        // Here, where the executor is at hand: the driver needs them for the next header and must not ask the crew.
        self.parameters = Some(quiesced.executor().parameters().clone());
    }

    fn resumed(mut self: Box<Self>) {
        self.stopwatch.resumed();
        self.watches.watched.pause(false);
        // An operator's watch has no say any more.
        let _ = self.watches.watch.lock().reached(Phase::Resumed);
        self.tell();
    }
}

impl Watch for Guard<'_> {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        let given_up = || Withdrawn {
            reason: "the pause lasted longer than it may".to_owned(),
        };
        if self.pause.is_stuck() {
            return Err(given_up());
        }
        self.watch.lock().reached(phase)?;
        // Last of all: from here on either the crew commits or the watchdog has given it up, never both.
        if phase == Phase::Transitioned && !self.pause.commits() {
            return Err(given_up());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::host::Explain;
    use refit_kernel::GenerationTable;
    use refit_upgrade::{Directives, PLAN_FORMAT, Plan, Unwatched};

    #[test]
    fn who_is_let_go_before_the_gate_closes_is_told_as_aborted_and_had_no_pause() {
        let table = GenerationTable::first(Vec::new());
        let plan = Plan {
            format: PLAN_FORMAT,
            base: table.number(),
            base_code: String::new(),
            at_height: None,
            modules: Vec::new(),
            carried: Vec::new(),
            directives: Directives::default(),
            findings: Vec::new(),
            release: None,
            predicted_pause_us: None,
        };
        let armed = Armed::new(&plan, &table, &[]).unwrap();
        let (to_us, told) = crossbeam_channel::bounded(1);
        let watches = Watches {
            watch: Arc::new(Mutex::new(Unwatched)),
            watched: Arc::default(),
        };
        let mut point = Point::new(Arc::new(armed), watches, vec![to_us]);
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
