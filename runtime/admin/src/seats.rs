//! Who sits at a listener: its connections, and whose place is taken when there is none left.
//!
//! A connection *works* while the node has its whole request and no answer to it; at all other times it is the client
//! that is awaited: for a request, for the rest of one, for a reply to be read. When all places are taken, a new
//! connection gets the place of the one whose client has been awaited longest. So a client that holds connections
//! open, in whatever state, locks nobody out. Fewer connections may work than there are places ([`crate::Limits`]),
//! which is why there is always one that is awaited.
//!
//! On TCP whoever has not presented the token yet is a *stranger*. Strangers have a few places among themselves, and
//! lose them first.

use axum::extract::Request;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// One connection.
#[derive(Debug)]
pub(crate) struct Seat {
    began: Instant,
    /// When its client last did something, in milliseconds after `began`.
    moved_ms: AtomicU64,
    working: AtomicU32,
    is_stranger: AtomicBool,
    /// The body of the request under way has been taken whole.
    has_body: AtomicBool,
    /// It is closed with bytes of its client unread.
    lingers: AtomicBool,
    evicted: Notify,
}

/// While it is there, the node owes its connection an answer.
#[derive(Debug)]
pub(crate) struct Working<'a>(&'a Seat);

impl Seat {
    fn new(is_stranger: bool) -> Self {
        Self {
            began: Instant::now(),
            moved_ms: AtomicU64::new(0),
            working: AtomicU32::new(0),
            is_stranger: AtomicBool::new(is_stranger),
            has_body: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            evicted: Notify::new(),
        }
    }

    /// The connection that a request came on.
    pub(crate) fn of(request: &Request) -> Arc<Self> {
        let seat = request.extensions().get::<Arc<Self>>().cloned();
        seat.unwrap_or_else(|| Arc::new(Self::new(true)))
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

    /// Waits until its place goes to another one.
    pub(crate) async fn gone(&self) {
        self.evicted.notified().await;
    }

    fn is_stranger(&self) -> bool {
        self.is_stranger.load(Relaxed)
    }

    fn is_awaited(&self) -> bool {
        self.working.load(Relaxed) == 0
    }

    /// Since when its client has done nothing.
    fn since(&self) -> Option<Instant> {
        let moved = std::time::Duration::from_millis(self.moved_ms.load(Relaxed));
        self.began.checked_add(moved)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Relaxed);
        self.0.moved();
    }
}

/// How many places a listener has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// For all.
    pub(crate) all: usize,
    /// Of these, for strangers.
    pub(crate) strangers: usize,
    /// Whether who comes is a stranger until it presents the token.
    pub(crate) come_as_strangers: bool,
}

/// The places of one listener.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    taken: Arc<Mutex<BTreeMap<u64, Arc<Seat>>>>,
    room: Room,
    next: u64,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) seat: Arc<Seat>,
    number: u64,
    seats: Arc<Mutex<BTreeMap<u64, Arc<Seat>>>>,
}

impl Seats {
    pub(crate) fn new(room: Room) -> Self {
        Self {
            taken: Arc::default(),
            room,
            next: 0,
        }
    }

    /// Whether one more may come: there is a free place, or one whose client is awaited.
    pub(crate) fn has_room(&self) -> bool {
        let taken = lock(&self.taken);
        taken.len() < self.room.all || taken.values().any(|seat| seat.is_awaited())
    }

    /// Gives a place to one more; whoever must go for it is told.
    pub(crate) fn take(&mut self) -> Taken {
        let seat = Arc::new(Seat::new(self.room.come_as_strangers));
        let mut taken = lock(&self.taken);
        let strangers = taken.values().filter(|seat| seat.is_stranger()).count();
        if self.room.come_as_strangers && strangers >= self.room.strangers {
            evict(&mut taken, true);
        } else if taken.len() >= self.room.all {
            evict(&mut taken, strangers > 0);
        }
        let number = self.next;
        self.next += 1;
        taken.insert(number, seat.clone());
        drop(taken);
        Taken {
            seat,
            number,
            seats: self.taken.clone(),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        lock(&self.seats).remove(&self.number);
    }
}

/// Takes the place of the one, or of the stranger, whose client has been awaited longest.
fn evict(taken: &mut BTreeMap<u64, Arc<Seat>>, only_strangers: bool) {
    let candidates = taken.iter().filter(|(_, seat)| seat.is_awaited());
    let candidates = candidates.filter(|(_, seat)| !only_strangers || seat.is_stranger());
    let longest = candidates.min_by_key(|(_, seat)| seat.since());
    let Some(number) = longest.map(|(number, _)| *number) else {
        return;
    };
    if let Some(seat) = taken.remove(&number) {
        seat.evicted.notify_one();
    }
}

fn lock(taken: &Mutex<BTreeMap<u64, Arc<Seat>>>) -> MutexGuard<'_, BTreeMap<u64, Arc<Seat>>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(all: usize, strangers: usize, come_as_strangers: bool) -> Seats {
        Seats::new(Room {
            all,
            strangers,
            come_as_strangers,
        })
    }

    fn is_gone(taken: &Taken) -> bool {
        !lock(&taken.seats).contains_key(&taken.number)
    }

    /// Lets the clock go on, so that the next one moves later.
    fn later() {
        std::thread::sleep(std::time::Duration::from_millis(3));
    }

    #[test]
    fn the_place_of_the_client_that_was_awaited_longest_goes_to_who_comes() {
        let mut seats = seats(2, 0, false);
        let first = seats.take();
        later();
        let second = seats.take();
        later();
        first.seat.moved();
        let third = seats.take();
        assert!(!is_gone(&first) && is_gone(&second) && !is_gone(&third));
    }

    #[test]
    fn whoever_the_node_owes_an_answer_keeps_its_place() {
        let mut seats = seats(2, 0, false);
        let (first, second) = (seats.take(), seats.take());
        let owed = first.seat.work();
        let third = seats.take();
        assert!(!is_gone(&first) && is_gone(&second));
        let _owed_too = third.seat.work();
        assert!(!seats.has_room());
        drop(owed);
        assert!(seats.has_room());
    }

    #[test]
    fn strangers_take_places_from_strangers_alone_and_lose_theirs_first() {
        let mut seats = seats(4, 2, true);
        let holder = seats.take();
        holder.seat.introduce();
        later();
        let strangers = [seats.take(), seats.take(), seats.take()];
        assert!(!is_gone(&holder) && is_gone(&strangers[0]));
        let holders = [seats.take(), seats.take()];
        holders.iter().for_each(|taken| taken.seat.introduce());
        let last = seats.take();
        assert!(!is_gone(&last) && !is_gone(&holder));
        assert!(strangers[1..].iter().any(is_gone));
    }

    #[test]
    fn who_leaves_gives_its_place_back() {
        let mut seats = seats(1, 0, false);
        drop(seats.take());
        let first = seats.take();
        assert!(lock(&first.seats).len() == 1);
    }
}
