//! [`Released`]: how far the effects of blocks have left. Whatever was read of the engines waits here: a state that a
//! start after a crash would not have is seen by nobody.
//!
//! An upgrade changes the generation between two blocks, and only the block after it makes that durable. So what was
//! read under the new code at the height of the update point leaves with the block after.

use parking_lot::{Condvar, Mutex};
use refit_admin::Moment;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Written by the driver.
#[derive(Debug)]
pub(crate) struct Released {
    state: Mutex<State>,
    grown: Condvar,
    tell: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    moment: Moment,
    /// A start after a crash has these effects: else there is nothing that it could contradict.
    outlives: bool,
    /// Nothing more leaves.
    ended: bool,
}

/// Nothing more leaves: the node has ended before what was read became durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NeverLeaves;

impl Released {
    /// All effects up to this moment have left, of a node whose log `outlives` its process or not.
    pub(crate) fn beginning(moment: Moment, outlives: bool) -> Self {
        let state = State {
            moment,
            outlives,
            ended: false,
        };
        Self {
            state: Mutex::new(state),
            grown: Condvar::new(),
            tell: watch::Sender::new(state),
        }
    }

    /// The newest moment whose effects have left.
    pub(crate) fn moment(&self) -> Moment {
        self.state.lock().moment
    }

    /// The effects of one more block have left.
    pub(crate) fn grow(&self, moment: Moment) {
        self.change(|state| state.moment = moment);
    }

    /// Nothing more leaves.
    pub(crate) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        self.tell.send_replace(*state);
        drop(state);
        self.grown.notify_all();
    }

    /// Waits until what was read at this moment may leave.
    ///
    /// # Errors
    /// [`NeverLeaves`].
    pub(crate) async fn reach(&self, read: Moment) -> Result<(), NeverLeaves> {
        // The usual case, without a place among those who wait.
        if let Some(outcome) = self.state.lock().lets(read) {
            return outcome;
        }
        let mut told = self.tell.subscribe();
        let state = told.wait_for(|state| state.lets(read).is_some()).await;
        state
            .ok()
            .and_then(|state| state.lets(read))
            .unwrap_or(Err(NeverLeaves))
    }

    /// The same on a thread that may block, no longer than `wait`; `None` if it is not over then.
    pub(crate) fn reach_within(
        &self,
        read: Moment,
        wait: Duration,
    ) -> Option<Result<(), NeverLeaves>> {
        let deadline = Instant::now() + wait;
        let mut state = self.state.lock();
        loop {
            let outcome = state.lets(read);
            if outcome.is_some() || self.grown.wait_until(&mut state, deadline).timed_out() {
                return outcome.or_else(|| state.lets(read));
            }
        }
    }
}

impl State {
    /// Whether what was read may leave; `None` if that is not decided.
    fn lets(&self, read: Moment) -> Option<Result<(), NeverLeaves>> {
        let Moment { height, generation } = self.moment;
        let is_code_decided = !self.outlives || generation >= read.generation;
        match height > read.height || (height == read.height && is_code_decided) {
            true => Some(Ok(())),
            false => self.ended.then_some(Err(NeverLeaves)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::{Generation, Height};
    use std::sync::Arc;

    fn at(height: u64, generation: u64) -> Moment {
        Moment {
            height: Height(height),
            generation: Generation(generation),
        }
    }

    #[tokio::test]
    async fn what_was_read_leaves_with_its_block_and_under_new_code_with_the_block_after() {
        let released = Arc::new(Released::beginning(at(5, 1), true));
        assert_eq!(released.reach(at(5, 1)).await, Ok(()));
        assert_eq!(released.reach_within(at(6, 1), Duration::ZERO), None);
        assert_eq!(released.reach_within(at(5, 2), Duration::ZERO), None);
        let waits = tokio::spawn({
            let released = released.clone();
            async move { released.reach(at(5, 2)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        released.grow(at(6, 2));
        assert_eq!(waits.await.unwrap(), Ok(()));
        assert_eq!(released.moment(), at(6, 2));
    }

    #[test]
    fn where_nothing_outlives_the_process_new_code_waits_for_no_block() {
        let released = Released::beginning(at(5, 1), false);
        assert_eq!(
            released.reach_within(at(5, 2), Duration::ZERO),
            Some(Ok(()))
        );
        assert_eq!(released.reach_within(at(6, 1), Duration::ZERO), None);
    }

    #[tokio::test]
    async fn who_waits_for_what_never_leaves_is_told() {
        let released = Arc::new(Released::beginning(at(0, 1), true));
        let waits = std::thread::spawn({
            let released = released.clone();
            move || released.reach_within(at(1, 1), Duration::from_secs(60))
        });
        released.end();
        assert_eq!(waits.join().unwrap(), Some(Err(NeverLeaves)));
        assert_eq!(released.reach(at(1, 1)).await, Err(NeverLeaves));
        assert_eq!(released.reach(at(0, 1)).await, Ok(()), "it had left");
    }
}
