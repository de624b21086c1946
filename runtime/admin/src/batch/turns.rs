//! [`Turns`]: which batches are worked on. A batch has a *turn* only while lines of it are in work; one that is merely
//! open has none.
//!
//! When all places are taken, a newcomer waits in line. A batch that has had its turn for [`BATCH_TURN`] then takes
//! no more lines until it has waited in line itself, and one whose client has not taken an answer for
//! [`BATCH_SLOW_WAIT`] is ended. So neither clients that send much nor clients that read slowly, or not at all, keep
//! others out.

use crate::limits::{BATCH_LOOK, BATCH_SLOW_WAIT, BATCH_TURN};
use crate::seat::lock;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The turns of one listener's batches.
#[derive(Debug)]
pub(crate) struct Turns {
    places: Arc<Semaphore>,
    /// How many wait in line.
    waiting: AtomicUsize,
    taken: Mutex<TakenTurns>,
    /// Longest wait in line.
    wait: Duration,
}

#[derive(Debug, Default)]
struct TakenTurns {
    by_number: BTreeMap<u64, Arc<Holder>>,
    next: u64,
}

/// The batches that have a turn.
#[derive(Debug, Default)]
struct Holder {
    /// Since when its client is awaited.
    awaited: Mutex<Option<Instant>>,
    hurry: Notify,
}

/// A turn, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    holder: Arc<Holder>,
    number: u64,
    began: Instant,
    _place: OwnedSemaphorePermit,
}

/// One who waits in line, until this is dropped.
struct InLine<'a>(&'a Turns);

impl Turns {
    /// So many at once; who waits gives up after `wait`.
    pub(crate) fn new(places: usize, wait: Duration) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(places.max(1))),
            waiting: AtomicUsize::new(0),
            taken: Mutex::default(),
            wait,
        })
    }

    /// Waits for a turn; `None` if none came in time.
    pub(crate) async fn take(self: &Arc<Self>) -> Option<Turn> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(self.turn(place));
        }
        self.waiting.fetch_add(1, Relaxed);
        let _in_line = InLine(self);
        let began = Instant::now();
        let mut place = pin!(self.places.clone().acquire_owned());
        loop {
            match timeout(BATCH_LOOK.min(self.wait), place.as_mut()).await {
                // It is never closed.
                Ok(place) => return place.ok().map(|place| self.turn(place)),
                Err(_) if began.elapsed() >= self.wait => return None,
                Err(_) => self.hurry_slowest(),
            }
        }
    }

    fn turn(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Turn {
        let holder = Arc::new(Holder::default());
        let mut taken = lock(&self.taken);
        let number = taken.next;
        taken.next += 1;
        taken.by_number.insert(number, holder.clone());
        Turn {
            turns: self.clone(),
            holder,
            number,
            began: Instant::now(),
            _place: place,
        }
    }

    /// Tells the one whose client has been awaited longest, and for too long, that others wait.
    fn hurry_slowest(&self) {
        let taken = lock(&self.taken);
        let since = |holder: &&Arc<Holder>| {
            let since = (*lock(&holder.awaited))?;
            (since.elapsed() >= BATCH_SLOW_WAIT).then_some(since)
        };
        let slow = taken.by_number.values();
        let slow = slow.filter_map(|holder| Some((since(&holder)?, holder)));
        if let Some((_, slowest)) = slow.min_by_key(|(since, _)| *since) {
            slowest.hurry.notify_one();
        }
    }
}

impl Turn {
    /// Whether others are to have theirs now.
    pub(crate) fn is_over(&self) -> bool {
        self.turns.waiting.load(Relaxed) > 0 && self.began.elapsed() >= BATCH_TURN
    }

    /// Waits for something of the client's; `None` if that takes too long and others wait.
    pub(crate) async fn awaiting<T>(&self, client: impl Future<Output = T>) -> Option<T> {
        let since = Instant::now();
        *lock(&self.holder.awaited) = Some(since);
        let mut client = pin!(client);
        let done = loop {
            tokio::select! {
                biased;
                done = client.as_mut() => break Some(done),
                // A hint from an earlier wait does not count.
                () = self.holder.hurry.notified() => if since.elapsed() >= BATCH_SLOW_WAIT {
                    break None;
                },
            }
        };
        *lock(&self.holder.awaited) = None;
        done
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.turns.taken).by_number.remove(&self.number);
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}
