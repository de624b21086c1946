//! Who sits at a listener: its connections, and whose place is taken when there is none left.
//!
//! A connection *works* while the node has its whole request and no answer to it; at all other times it is the client
//! that is awaited: for a request, for the rest of one, for a reply to be read. When all places are taken, a new
//! connection gets the place of the one whose client has been awaited longest. So a client that holds connections
//! open, in whatever state, locks nobody out. Fewer connections may work than there are places ([`crate::Limits`]),
//! which is why there is always one that is awaited.
//!
//! On TCP a client that has not presented the token yet is a *stranger*. Strangers have a few places among
//! themselves, and lose them first.

use crate::seat::{Leave, Seat, lock};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// How many places a listener has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeatLimits {
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
    room: SeatLimits,
    next: u64,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) seat: Arc<Seat>,
    /// Until something has come.
    leave: Option<oneshot::Receiver<Leave>>,
    number: u64,
    seats: Arc<Mutex<BTreeMap<u64, Arc<Seat>>>>,
}

impl Taken {
    /// The order for the connection: once, and no more after that.
    pub(crate) fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<Leave> {
        let Some(leave) = &mut self.leave else {
            return Poll::Pending;
        };
        let told = std::task::ready!(Pin::new(leave).poll(cx));
        self.leave = None;
        // The sender is gone with the seat itself.
        told.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Seats {
    pub(crate) fn new(room: SeatLimits) -> Self {
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

    /// Gives a place to one more; a connection that must go for it gets its order.
    pub(crate) fn take(&mut self) -> Taken {
        let (tell, leave) = oneshot::channel();
        // The lowest bits: numbers come around.
        let number = self.next as u16;
        let seat = Seat::new(number, self.room.come_as_strangers, Some(tell));
        let seat = Arc::new(seat);
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
            leave: Some(leave),
            number,
            seats: self.taken.clone(),
        }
    }

    /// The listener ends: every connection gets its order.
    pub(crate) fn end_all(&self) {
        for seat in lock(&self.taken).values() {
            seat.end();
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
        seat.tell(Leave::Now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(all: usize, strangers: usize, come_as_strangers: bool) -> Seats {
        Seats::new(SeatLimits {
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
