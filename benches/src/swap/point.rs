//! [`Point`]: the update point with a stopwatch, read on the threads that do the work.

use crossbeam_channel::Sender;
use refit_kernel::Quiesced;
use refit_kernel::crew::UpdatePoint;
use refit_upgrade::{Armed, Stopwatch, Times, Unwatched, Verdict};
use std::time::Instant;

/// The gate is open again.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) times: Times<Instant>,
    /// `None` for an empty handshake.
    pub(crate) verdict: Option<Verdict>,
}

/// An armed upgrade at its update point, or nothing at all: the empty handshake.
pub(crate) struct Point {
    armed: Option<Armed>,
    stopwatch: Stopwatch<Instant>,
    verdict: Option<Verdict>,
    listener: Sender<Resumed>,
}

impl Point {
    pub(crate) fn new(armed: Option<Armed>, listener: Sender<Resumed>) -> Self {
        Self {
            armed,
            stopwatch: Stopwatch::new(Instant::now),
            verdict: None,
            listener,
        }
    }
}

impl UpdatePoint for Point {
    fn closing(&mut self) {
        self.stopwatch.closing();
    }

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        self.stopwatch.quiesced();
        if let Some(armed) = &self.armed {
            self.verdict = Some(self.stopwatch.run(armed, quiesced, &mut Unwatched));
        }
    }

    fn resumed(mut self: Box<Self>) {
        self.stopwatch.resumed();
        let Self {
            armed,
            stopwatch,
            verdict,
            listener,
        } = *self;
        // Dropped before anyone learns of the end: the retirement counts the handles.
        drop(armed);
        // Nobody listens any more if the bench gave up.
        let times = stopwatch.times();
        let _ = listener.send(Resumed { times, verdict });
    }
}
