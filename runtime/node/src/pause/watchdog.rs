//! The watchdog of a pause: sees, from another thread than the crew's, that a transition does not return; then it
//! gives the upgrade up and raises the alarm. Before that it sees that the sweep before the pause takes as long; then
//! the upgrade is let go.

use super::point::Resumed;
use crate::micros::micros;
use crate::watch::looks::{Pace, Stay};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use refit_abi::Height;
use refit_admin::api::QuarantineEntry;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// A pause that has lasted too long: reported once to the owner of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckPause {
    /// The block before the pause.
    pub height: Height,
    /// BLAKE3 of the module files whose code was running, now in quarantine; of all that were coming in
    /// if that is not known.
    pub artifacts: Vec<String>,
    /// The engines whose transitions run.
    pub engines: Vec<String>,
    /// How long the pause had lasted, not counting time in which this process did not run.
    pub lasted: Duration,
    /// Its entry in the quarantine list.
    pub entry: QuarantineEntry,
    /// Whether the list outlives the process: it was read back from the disk.
    pub is_recorded: bool,
}

/// Called when a pause is stuck.
pub type OnStuck = dyn Fn(&StuckPause) + Send + Sync;

/// The flags that the crew in the pause and the watchdog share.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    stage: AtomicU8,
    /// For how long the sweep had lasted when it was ended, in microseconds.
    swept_us: AtomicU64,
    height: AtomicU64,
    state: AtomicU8,
}

/// The states that the upgrade before left are being settled. Before that nothing is watched.
const SWEEPS: u8 = 1;
/// The sweep took too long: the upgrade ends before the next step.
const LET_GO: u8 = 2;
/// The gate closes, or is closed.
const PAUSED: u8 = 3;

/// Nobody has decided yet.
const OPEN: u8 = 0;
/// The crew commits: the watchdog is too late.
const COMMITS: u8 = 1;
/// The watchdog has given the upgrade up: the crew must not commit.
const STUCK: u8 = 2;

impl Pause {
    pub(super) fn sweep(&self) {
        self.stage.store(SWEEPS, Ordering::Release);
    }

    /// Whether the sweep may take another step.
    pub(super) fn sweeps_on(&self) -> bool {
        self.stage.load(Ordering::Acquire) != LET_GO
    }

    /// The pause begins. The sweep is done: nobody minds any more how long it took.
    pub(super) fn begin(&self) {
        self.stage.store(PAUSED, Ordering::Release);
    }

    /// For how long the sweep had lasted when it was found to take too long.
    pub(super) fn swept_for(&self) -> Duration {
        Duration::from_micros(self.swept_us.load(Ordering::Acquire))
    }

    /// The sweep has taken too long.
    fn end_sweep(&self, lasted: Duration) {
        // Before the stage: the crew reads it as soon as it sees that.
        self.swept_us.store(micros(lasted), Ordering::Release);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        // It may have ended by itself just now.
        let _ = self
            .stage
            .compare_exchange(SWEEPS, LET_GO, success, failure);
    }

    /// The block before it.
    pub(crate) fn height(&self) -> Height {
        Height(self.height.load(Ordering::Acquire))
    }

    pub(super) fn at(&self, height: Height) {
        self.height.store(height.0, Ordering::Release);
    }

    /// Whether the gate has closed for it, ever.
    pub(crate) fn has_begun(&self) -> bool {
        self.stage.load(Ordering::Acquire) == PAUSED
    }

    /// Whether the watchdog has given the upgrade up.
    pub(crate) fn is_stuck(&self) -> bool {
        self.state.load(Ordering::Acquire) == STUCK
    }

    /// The crew is about to commit; false if the watchdog has given the upgrade up.
    pub(super) fn commits(&self) -> bool {
        self.decide(COMMITS)
    }

    /// Gives the upgrade up; false if that was done before, or the crew commits.
    fn give_up(&self) -> bool {
        self.decide(STUCK)
    }

    fn decide(&self, state: u8) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let decided = self.state.compare_exchange(OPEN, state, success, failure);
        decided.is_ok()
    }

    /// Which of the two steps that may take too long is under way now.
    fn look(&self) -> Option<u8> {
        let stage = self.stage.load(Ordering::Acquire);
        [SWEEPS, PAUSED].contains(&stage).then_some(stage)
    }

    /// Ends the step that was seen, which has lasted as long as it may. Returns whether that is a pause, given up
    /// now.
    fn is_over(&self, seen: Option<u8>, lasted: Duration) -> bool {
        if seen == Some(SWEEPS) {
            self.end_sweep(lasted);
            return false;
        }
        seen == Some(PAUSED) && self.give_up()
    }
}

/// Waits for the end of a pause that may last as long as `limit`; raises the alarm once, with how long it had lasted,
/// if it is not over in time. A sweep before it that takes as long is ended, and the upgrade with it. `None`: the
/// sender of the end is gone.
pub(crate) fn wait(
    pause: &Pause,
    limit: Duration,
    resumed: &Receiver<Resumed>,
    alarm: impl Fn(Duration),
) -> Option<Resumed> {
    let pace = Pace::of(limit);
    let mut stay = Stay::new();
    loop {
        match resumed.recv_timeout(pace.every()) {
            Ok(resumed) => return Some(resumed),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let seen = pause.look();
        let looks = stay.look(seen);
        if pace.is_over(looks, 1) && pause.is_over(seen, pace.lasted(looks)) {
            alarm(pace.lasted(looks));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTED: Duration = Duration::from_millis(250);

    #[test]
    fn a_sweep_that_takes_too_long_is_let_go_and_is_no_stuck_pause() {
        let pause = Pause::default();
        assert_eq!((pause.look(), pause.sweeps_on()), (None, true));
        pause.sweep();
        assert!(pause.sweeps_on());
        assert!(
            !pause.is_over(pause.look(), LASTED),
            "nobody is called for it"
        );
        assert!(!pause.sweeps_on() && !pause.is_stuck());
        assert_eq!(pause.swept_for(), LASTED);
        assert_eq!(pause.look(), None, "it is told once");
    }

    #[test]
    fn a_sweep_that_ended_in_time_counts_neither_against_the_pause_nor_afterwards() {
        let pause = Pause::default();
        pause.sweep();
        let seen = pause.look();
        pause.begin();
        assert!(!pause.is_over(seen, LASTED), "it was the sweep that lasted");
        assert!(!pause.is_stuck());
        let mut stay = Stay::new();
        assert_eq!((stay.look(seen), stay.look(seen)), (0, 1));
        assert_eq!(stay.look(pause.look()), 0, "the pause has its own time");
        assert!(pause.is_over(pause.look(), LASTED) && pause.is_stuck());
        assert!(!pause.is_over(pause.look(), LASTED), "and is given up once");
    }
}
