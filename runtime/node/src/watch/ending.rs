//! [`Ending`]: ends a node that was told to end, even if an engine does not return.
//!
//! It runs on a thread of its own from the start, because a process that has no thread left to start must end
//! too. Time is counted in looks: one in which the process was stopped does not count.

use crate::watch::looks::{Pace, Stay};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io;
use std::time::{Duration, Instant};

/// How many orders to end are kept: two are enough, more say nothing new.
const TOLD_MAX: usize = 4;

/// How soon after the first time a second one is the same: a supervisor may signal a process and its group.
const TOGETHER: Duration = Duration::from_millis(300);

/// Sees that a node ends.
#[derive(Clone, Debug)]
pub struct Ending {
    told: Sender<Instant>,
}

/// Why the node does not get more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// It was told a second time.
    Again,
    /// It did not end within this time.
    Limit(Duration),
}

impl Ending {
    /// Begins to watch. Once the node was told to end, and is told again or is not done within `limit`,
    /// `overdue` is called, which ends the process.
    ///
    /// # Errors
    /// If the system starts no more threads.
    pub fn watch(
        limit: Duration,
        overdue: impl FnOnce(Overdue) + Send + 'static,
    ) -> io::Result<Self> {
        let (told, heard) = bounded(TOLD_MAX);
        let thread = std::thread::Builder::new().name("refit-ending".to_owned());
        thread.spawn(move || {
            if let Some(why) = wait(&heard, limit) {
                overdue(why);
            }
        })?;
        Ok(Self { told })
    }

    /// The node was told to end. Twice at once is once.
    pub fn tell(&self) {
        let _ = self.told.try_send(Instant::now());
    }
}

/// Waits until the node takes too long to end; `None` if the sender of that order is gone.
fn wait(heard: &Receiver<Instant>, limit: Duration) -> Option<Overdue> {
    let first = heard.recv().ok()?;
    let (pace, mut stay) = (Pace::of(limit), Stay::new());
    stay.look(Some(()));
    loop {
        match heard.recv_timeout(pace.every()) {
            Ok(again) if again.duration_since(first) >= TOGETHER => return Some(Overdue::Again),
            // Not a look: it came too early.
            Ok(_) => continue,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if pace.is_over(stay.look(Some(())), 1) {
            return Some(Overdue::Limit(limit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_node_that_is_told_twice_gets_no_more_time_and_one_that_is_told_once_gets_its_limit() {
        let (said, hear) = bounded(1);
        let ending = Ending::watch(NEVER, move |why| said.send(why).unwrap()).unwrap();
        ending.tell();
        ending.tell();
        assert!(hear.recv_timeout(2 * TOGETHER).is_err(), "twice at once");
        ending.tell();
        assert_eq!(hear.recv(), Ok(Overdue::Again));

        let (said, hear) = bounded(1);
        let limit = Duration::from_millis(40);
        let ending = Ending::watch(limit, move |why| said.send(why).unwrap()).unwrap();
        assert!(
            hear.recv_timeout(2 * limit).is_err(),
            "it was not told to end"
        );
        ending.tell();
        assert_eq!(hear.recv(), Ok(Overdue::Limit(limit)));
    }

    #[test]
    fn nothing_is_overdue_once_nobody_can_tell_any_more() {
        let (told, heard) = bounded(TOLD_MAX);
        told.send(Instant::now()).unwrap();
        drop(told);
        assert_eq!(wait(&heard, NEVER), None);
    }
}
