//! [`Seat`]: what is known of one connection: what its client did last, what the node owes it, and whether it must go.

use axum::extract::Request;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

/// One connection.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Of those of its listener; it comes around.
    number: u16,
    began: Instant,
    /// When its client last did something, in milliseconds after `began`.
    moved_ms: AtomicU64,
    working: AtomicU32,
    is_stranger: AtomicBool,
    /// The body of the request under way has been taken whole.
    has_body: AtomicBool,
    /// It is closed with bytes of its client unread.
    lingers: AtomicBool,
    /// The listener ends.
    is_ending: AtomicBool,
    leave: Mutex<Option<oneshot::Sender<Leave>>>,
    /// One clock for one wait after the other, so that the next one need only put it forward.
    clock: Mutex<Option<Pin<Box<Sleep>>>>,
}

/// The order that a connection gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Its place goes to another one.
    Now,
    /// It ends behind the answer that it owes.
    WhenDone,
}

/// While it is there, the node owes its connection an answer.
#[derive(Debug)]
pub(crate) struct Working<'a>(&'a Seat);

impl Seat {
    pub(crate) fn new(
        number: u16,
        is_stranger: bool,
        leave: Option<oneshot::Sender<Leave>>,
    ) -> Self {
        Self {
            number,
            began: Instant::now(),
            moved_ms: AtomicU64::new(0),
            working: AtomicU32::new(0),
            is_stranger: AtomicBool::new(is_stranger),
            has_body: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            leave: Mutex::new(leave),
            clock: Mutex::new(None),
        }
    }

    /// Its number among the connections of its listener; it comes around.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The connection that a request came on.
    pub(crate) fn of(request: &Request) -> Arc<Self> {
        let seat = request.extensions().get::<Arc<Self>>().cloned();
        seat.unwrap_or_else(|| Arc::new(Self::new(0, true, None)))
    }

    /// Its client did its part: sent some bytes, or took some.
    pub(crate) fn moved(&self) {
        let ms = self.began.elapsed().as_millis();
        self.moved_ms
            .store(u64::try_from(ms).unwrap_or(u64::MAX), Relaxed);
    }

    /// Its client has presented the token.
    pub(crate) fn introduce(&self) {
        self.is_stranger.store(false, Relaxed);
    }

    /// From now on the node owes an answer.
    pub(crate) fn work(&self) -> Working<'_> {
        self.working.fetch_add(1, Relaxed);
        Working(self)
    }

    /// A request has begun; says nothing of its body yet.
    pub(crate) fn begin_request(&self) {
        self.has_body.store(false, Relaxed);
    }

    /// The request's body has been taken whole.
    pub(crate) fn take_body(&self) {
        self.has_body.store(true, Relaxed);
    }

    pub(crate) fn has_body(&self) -> bool {
        self.has_body.load(Relaxed)
    }

    /// When it is closed, what its client still sends is read for a moment: a system that is closed on unread bytes
    /// takes back what it has sent.
    pub(crate) fn linger(&self) {
        self.lingers.store(true, Relaxed);
    }

    pub(crate) fn lingers(&self) -> bool {
        self.lingers.load(Relaxed)
    }

    /// Whether the listener ends: what its client does not take now is given up soon.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Relaxed)
    }

    /// The result of `work` within this time; `None` if it takes longer.
    pub(crate) async fn within<T>(
        &self,
        wait: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = pin!(work);
        let mut clock = None;
        let done = poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            let clock = clock.get_or_insert_with(|| self.clock(wait));
            clock.as_mut().poll(cx).map(|()| None)
        })
        .await;
        if clock.is_some() {
            *lock(&self.clock) = clock;
        }
        done
    }

    /// A clock that goes off after this time. To put the old one forward costs next to nothing; a new one is put on
    /// and taken off the runtime's wheel.
    fn clock(&self, wait: Duration) -> Pin<Box<Sleep>> {
        match lock(&self.clock).take() {
            Some(mut clock) => {
                clock.as_mut().reset(tokio::time::Instant::now() + wait);
                clock
            }
            None => Box::pin(sleep(wait)),
        }
    }

    /// The listener ends.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Relaxed);
        self.tell(Leave::WhenDone);
    }

    pub(crate) fn tell(&self, leave: Leave) {
        if let Some(told) = lock(&self.leave).take() {
            // It may have ended by itself.
            let _ = told.send(leave);
        }
    }

    pub(crate) fn is_stranger(&self) -> bool {
        self.is_stranger.load(Relaxed)
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.working.load(Relaxed) == 0
    }

    /// Since when its client has done nothing.
    pub(crate) fn since(&self) -> Option<Instant> {
        let moved = Duration::from_millis(self.moved_ms.load(Relaxed));
        self.began.checked_add(moved)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Relaxed);
        self.0.moved();
    }
}

pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
