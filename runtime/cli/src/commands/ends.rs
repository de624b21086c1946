//! Ends `refit run`: the first signal, and a second one.
//!
//! SIGINT, SIGTERM and SIGHUP mean the same: finish what is under way, then end. A second one, or the limit on the
//! end, ends the process at once.

use super::restart::{self, Restart};
use crate::exit::Exit;
use crate::signals::Signals;
use crate::units::shown_time;
use refit_admin::SHUTDOWN_WAIT;
use refit_node::{Ending, Overdue};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Ensures that the node ends once it is told to.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    ending: Ending,
    limit: Duration,
    restart: Restart,
    begun: Arc<AtomicBool>,
}

/// Receives the order to end the node.
#[derive(Debug)]
pub(super) struct Told(Arc<Notify>);

impl Ends {
    /// For a node that ends within `limit` of being told.
    ///
    /// # Errors
    /// If the system starts no more threads.
    pub(super) fn new(restart: Restart, limit: Duration) -> io::Result<Self> {
        let rolls_back = restart.clone();
        let ending = Ending::watch(limit, move |why| cut(&rolls_back, why))?;
        Ok(Self {
            ending,
            limit,
            restart,
            begun: Arc::default(),
        })
    }

    /// Takes the signals over. Called inside a runtime, whose threads go on when the node ends.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn listen(&self) -> io::Result<Told> {
        let mut signals = Signals::take()?;
        let told = Arc::new(Notify::new());
        let (ends, tell) = (self.clone(), told.clone());
        tokio::spawn(async move {
            while signals.next().await.is_some() {
                ends.told();
                tell.notify_one();
            }
        });
        Ok(Told(told))
    }

    /// Until the node is to be rolled back.
    pub(super) async fn rolls_back(&self) {
        self.restart.wanted().await;
    }

    /// A signal came.
    fn told(&self) {
        self.restart.end_instead();
        self.begun.store(true, Ordering::Release);
        self.ending.tell();
    }

    /// What the end waits for, and for how long.
    pub(super) fn words(&self) -> String {
        let (requests, limit) = (shown_time(SHUTDOWN_WAIT), shown_time(self.limit));
        format!(
            "stopping: requests under way are answered (within {requests}), then the block under way ends; \
             all within {limit}, and a second signal ends the node at once"
        )
    }

    /// Why the node starts again.
    pub(super) fn words_again(&self) -> String {
        self.restart.words().to_owned()
    }

    /// Whether a signal has come.
    pub(super) fn was_told(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// The node ends, whether it was told to or not.
    pub(super) fn begin(&self) {
        if !self.begun.load(Ordering::Acquire) {
            self.told();
        }
    }
}

impl Told {
    /// Until the node is told to end.
    pub(super) async fn wait(&self) {
        self.0.notified().await;
    }
}

/// Ends the process at once.
fn cut(restart: &Restart, why: Overdue) {
    // It is decided: the next start carries it out, whatever does not end here.
    if restart.rolls_back() && matches!(why, Overdue::Limit(_)) {
        let not_again = restart.again();
        restart::end(format_args!("{not_again}"), Exit::Cut)
    }
    let sentence = match why {
        Overdue::Again => "the node was told to end again: it ends at once".to_owned(),
        Overdue::Limit(limit) => format!(
            "the node did not end within {} ms of being told to: it ends at once",
            limit.as_millis()
        ),
    };
    restart::end(sentence, Exit::Cut)
}
