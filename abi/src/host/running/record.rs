//! [`Record`]: one thread's words. The thread writes them; another thread that reads them reads again if the
//! turn has changed meanwhile.

use super::{Call, Here, Label, Message, Running};
use crate::EngineId;
use crate::raw::{Delivery, DeliveryKind, RawContext};
use std::ptr::{from_ref, null_mut};
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence,
};

/// One call. The pointers are its own thread's to read, while it runs.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) engine: Option<EngineId>,
    pub(super) label: &'static Label,
    pub(super) call: Call,
    pub(super) context: *mut RawContext,
    pub(super) batch: *const Delivery<'static>,
    pub(super) length: usize,
}

/// The call that a thread is in. Aligned so that two threads write to different cache lines, prefetched pairs
/// included.
#[repr(align(128))]
pub(super) struct Record {
    /// Its place among all.
    number: usize,
    /// Grows by one when a call begins, and when one ends: odd while one runs.
    turn: AtomicU64,
    /// The id, in two halves; an id is never all zero.
    engine: [AtomicU64; 2],
    /// Null, or a `&'static Label`.
    label: AtomicPtr<Label>,
    call: AtomicU8,
    context: AtomicPtr<RawContext>,
    batch: AtomicPtr<Delivery<'static>>,
    length: AtomicUsize,
    taken: AtomicBool,
}

impl Record {
    /// One that a thread has.
    pub(super) fn taken(number: usize) -> Self {
        Self {
            number,
            turn: AtomicU64::new(0),
            engine: [AtomicU64::new(0), AtomicU64::new(0)],
            label: AtomicPtr::new(null_mut()),
            call: AtomicU8::new(0),
            context: AtomicPtr::new(null_mut()),
            batch: AtomicPtr::new(null_mut()),
            length: AtomicUsize::new(0),
            taken: AtomicBool::new(true),
        }
    }

    /// Its place among all.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Whether it was free and is now the caller's.
    pub(super) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    /// Whether a call is noted.
    pub(super) fn runs_a_call(&self) -> bool {
        is_running(self.turn.load(Ordering::Relaxed))
    }

    /// The thread needs it no more.
    pub(super) fn free(&self) {
        self.taken.store(false, Ordering::Release);
    }

    /// A call begins; gives the one inside which it does, if there is one. On the record's thread only.
    #[inline]
    pub(super) fn begin(&self, frame: Frame) -> Option<Frame> {
        let turn = self.turn.load(Ordering::Relaxed);
        let outer = if is_running(turn) {
            self.interrupt(turn)
        } else {
            None
        };
        self.write(frame);
        outer
    }

    /// The call ends, and `outer` goes on. On the record's thread only.
    #[inline]
    pub(super) fn end(&self, outer: Option<Frame>) {
        let turn = self.turn.load(Ordering::Relaxed);
        self.turn.store(turn + 1, Ordering::Release);
        // For the handler of signals on this thread: what is noted may be gone from here on, and the compiler must
        // not move that before the end.
        compiler_fence(Ordering::SeqCst);
        if let Some(outer) = outer {
            self.write(outer);
        }
    }

    #[cold]
    fn interrupt(&self, turn: u64) -> Option<Frame> {
        let outer = self.frame();
        self.turn.store(turn + 1, Ordering::Release);
        outer
    }

    /// Writes a call while none is noted, and notes it.
    #[inline]
    fn write(&self, frame: Frame) {
        // A thread that reads one of the words below and then the turn sees that the call before has ended.
        fence(Ordering::Release);
        let [low, high] = halves(frame.engine);
        self.engine[0].store(low, Ordering::Relaxed);
        self.engine[1].store(high, Ordering::Relaxed);
        let label = from_ref(frame.label).cast_mut();
        self.label.store(label, Ordering::Relaxed);
        self.call.store(frame.call as u8, Ordering::Relaxed);
        self.context.store(frame.context, Ordering::Relaxed);
        self.batch.store(frame.batch.cast_mut(), Ordering::Relaxed);
        self.length.store(frame.length, Ordering::Relaxed);
        let turn = self.turn.load(Ordering::Relaxed);
        self.turn.store(turn + 1, Ordering::Release);
    }

    fn frame(&self) -> Option<Frame> {
        let halves = [&self.engine[0], &self.engine[1]].map(|half| half.load(Ordering::Relaxed));
        // SAFETY: `write` alone stores here, always a `&'static Label`.
        let label = unsafe { self.label.load(Ordering::Relaxed).as_ref() };
        Some(Frame {
            engine: engine(halves),
            label: label?,
            call: Call::of(self.call.load(Ordering::Relaxed))?,
            context: self.context.load(Ordering::Relaxed),
            batch: self.batch.load(Ordering::Relaxed).cast_const(),
            length: self.length.load(Ordering::Relaxed),
        })
    }

    /// The call that runs, from another thread.
    pub(super) fn look(&self) -> Option<Running> {
        let turn = self.turn.load(Ordering::Acquire);
        if !is_running(turn) {
            return None;
        }
        let frame = self.frame()?;
        fence(Ordering::Acquire);
        let running = Running {
            record: self.number,
            turn,
            engine: frame.engine,
            label: frame.label,
            call: frame.call,
            batch: frame.length,
        };
        (self.turn.load(Ordering::Relaxed) == turn).then_some(running)
    }

    /// The call that runs, from its own thread.
    pub(super) fn here(&self) -> Option<Here> {
        if !is_running(self.turn.load(Ordering::Relaxed)) {
            return None;
        }
        let frame = self.frame()?;
        let current = current(&frame);
        let is_notice = current.is_some_and(|delivery| delivery.kind == DeliveryKind::Undelivered);
        Some(Here {
            record: self.number,
            engine: frame.engine,
            label: frame.label,
            call: if is_notice {
                Call::Undelivered
            } else {
                frame.call
            },
            message: current.map(|delivery| Message {
                sender: delivery.sender.into(),
                sequence: delivery.sequence,
            }),
        })
    }
}

fn is_running(turn: u64) -> bool {
    turn % 2 == 1
}

/// The message or notice that is being handled. Called on the thread that handles it.
fn current(frame: &Frame) -> Option<&Delivery<'static>> {
    if frame.context.is_null() {
        return None;
    }
    // SAFETY: `running::during`, which alone notes a context, borrows it until the call has ended, which runs on this
    // thread; the module writes the field on this thread too, by the same kind of access.
    let current = unsafe { AtomicUsize::from_ptr(&raw mut (*frame.context).current) };
    let current = current.load(Ordering::Relaxed);
    if current >= frame.length {
        return None;
    }
    // SAFETY: `running::during` noted pointer and length of the batch, which it borrows until the call has
    // ended; `current` lies inside.
    Some(unsafe { &*frame.batch.add(current) })
}

fn halves(engine: Option<EngineId>) -> [u64; 2] {
    let number = engine.map_or(0, |engine| u128::from_ne_bytes(engine.to_bytes()));
    [number as u64, (number >> 64) as u64]
}

fn engine([low, high]: [u64; 2]) -> Option<EngineId> {
    let number = u128::from(high) << 64 | u128::from(low);
    (number != 0).then(|| EngineId::from_bytes(number.to_ne_bytes()))
}
