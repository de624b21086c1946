//! [`Point`]: the update point with a stopwatch, read on the threads that do the work.

use crossbeam_channel::Sender;
use refit_kernel::Quiesced;
use refit_kernel::crew::UpdatePoint;
use refit_upgrade::{Armed, Phase, Verdict, Watch, Withdrawn};
use std::time::Instant;

/// When each step of a pause was reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub(crate) closing: Instant,
    pub(crate) quiesced: Instant,
    pub(crate) transitioned: Instant,
    pub(crate) committed: Instant,
    pub(crate) resumed: Instant,
}

/// The gate is open again.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) marks: Marks,
    /// `None` for an empty handshake.
    pub(crate) verdict: Option<Verdict>,
}

/// An armed upgrade at its update point, or nothing at all: the empty handshake.
pub(crate) struct Point {
    armed: Option<Armed>,
    marks: Marks,
    verdict: Option<Verdict>,
    listener: Sender<Resumed>,
}

impl Point {
    pub(crate) fn new(armed: Option<Armed>, listener: Sender<Resumed>) -> Self {
        let now = Instant::now();
        let marks = Marks {
            closing: now,
            quiesced: now,
            transitioned: now,
            committed: now,
            resumed: now,
        };
        Self {
            armed,
            marks,
            verdict: None,
            listener,
        }
    }
}

impl UpdatePoint for Point {
    fn closing(&mut self) {
        self.marks.closing = Instant::now();
    }

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        self.marks.quiesced = Instant::now();
        (self.marks.transitioned, self.marks.committed) =
            (self.marks.quiesced, self.marks.quiesced);
        if let Some(armed) = &self.armed {
            self.verdict = Some(armed.run(
                quiesced,
                &mut Stopwatch {
                    marks: &mut self.marks,
                },
            ));
        }
    }

    fn resumed(mut self: Box<Self>) {
        self.marks.resumed = Instant::now();
        let Self {
            armed,
            marks,
            verdict,
            listener,
        } = *self;
        // Let go before anyone hears of it: whoever retires counts the handles.
        drop(armed);
        // Nobody listens any more if the bench gave up.
        let _ = listener.send(Resumed { marks, verdict });
    }
}

struct Stopwatch<'a> {
    marks: &'a mut Marks,
}

impl Watch for Stopwatch<'_> {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        match phase {
            Phase::Transitioned => self.marks.transitioned = Instant::now(),
            Phase::Committed => self.marks.committed = Instant::now(),
            _ => {}
        }
        Ok(())
    }
}
