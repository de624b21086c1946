//! Which library made which thread, and which of those threads are alive.
//!
//! A library must not be unmapped while a thread that it started lives: the thread would run into
//! unmapped memory. A thread is entered here before it is made, with its own id as soon as it runs,
//! and counts as alive until the system does not list it any more: its thread-local destructors run
//! after its routine returned. A number that the system gave to a later thread is told apart by the
//! start time.
//!
//! One lock guards the table. It is held for a few instructions, or for eight short
//! system calls, which is little beside what it costs to make a thread. Every record has a serial number:
//! a thread that was judged dead is forgotten by its number, so that nobody forgets a later thread that
//! came to its place.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Threads of libraries that can be remembered at once. One more is not made: `pthread_create` fails
/// with `EAGAIN`.
pub const THREADS_MAX: usize = 4096;

/// The longest time that a thread that ended may still be listed by the system, in milliseconds.
pub const THREAD_EXIT_GRACE_MS: u64 = 200;

/// Records that are looked at whenever a thread is entered: the dead ones among them are forgotten.
/// With eight, each record is looked at once while an eighth as many threads are made.
const LOOKS_PER_THREAD: usize = 8;

/// Pause between two looks at a thread that should be gone, in milliseconds.
const THREAD_EXIT_LOOK_MS: u64 = 1;

/// One thread that may live.
#[derive(Clone, Copy, Debug)]
struct Record {
    ticket: Ticket,
    /// The address of the library that has the routine that it runs.
    owner: usize,
    /// `None` until it runs.
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    tid: i32,
    /// When it ran first, in ticks since boot.
    born: u64,
}

/// The right to a record, and the duty to give it back if the thread could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    place: usize,
    /// Tells it from every other one there ever was.
    serial: u64,
}

#[derive(Debug)]
struct Table {
    places: Vec<Option<Record>>,
    free: Vec<usize>,
    /// The place that is looked at next.
    hand: usize,
    next_serial: u64,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    places: Vec::new(),
    free: Vec::new(),
    hand: 0,
    next_serial: 1,
});

/// The table is whole between any two calls, so a panic elsewhere does not spoil it.
fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing of the table changes while this is held.
#[must_use = "it is held as long as this is"]
pub(super) fn still() -> impl Sized {
    table()
}

/// The threads of one library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignThreads {
    /// The system's ids of those that live.
    pub tids: Vec<i32>,
    /// Threads made but not yet running.
    pub starting: usize,
}

impl ForeignThreads {
    /// Whether none lives.
    pub fn is_empty(&self) -> bool {
        self.tids.is_empty() && self.starting == 0
    }
}

impl Table {
    /// Forgets the dead among a few records, the next ones each time.
    fn look_at_some(&mut self) {
        for _ in 0..LOOKS_PER_THREAD.min(self.places.len()) {
            self.hand = (self.hand + 1) % self.places.len();
            let dead = self.places[self.hand].filter(|record| {
                let running = record.running;
                running.is_some_and(|running| !is_listed(running.tid))
            });
            if let Some(record) = dead {
                self.forget(record.ticket);
            }
        }
    }

    /// A place for one more record.
    fn place(&mut self) -> Option<usize> {
        self.free.pop().or_else(|| {
            let place = self.places.len();
            (place < THREADS_MAX).then(|| {
                self.places.push(None);
                place
            })
        })
    }

    /// The record, if it is still there.
    fn record(&mut self, ticket: Ticket) -> Option<&mut Record> {
        let record = self.places.get_mut(ticket.place)?.as_mut();
        record.filter(|record| record.ticket == ticket)
    }

    fn forget(&mut self, ticket: Ticket) {
        if self.record(ticket).is_some() {
            self.places[ticket.place] = None;
            self.free.push(ticket.place);
        }
    }

    fn of(&self, owner: usize) -> impl Iterator<Item = &Record> {
        let records = self.places.iter().flatten();
        records.filter(move |record| record.owner == owner)
    }
}

/// Remembers a thread about to be made. `None` if there is no room for it.
pub(super) fn enter(owner: usize) -> Option<Ticket> {
    let mut table = table();
    table.look_at_some();
    let place = table.place()?;
    let serial = table.next_serial;
    table.next_serial += 1;
    let ticket = Ticket { place, serial };
    table.places[place] = Some(Record {
        ticket,
        owner,
        running: None,
    });
    Some(ticket)
}

/// The thread runs: notes its id. Called on it.
pub(super) fn runs(ticket: Ticket) {
    let running = Running {
        tid: rustix::thread::gettid().as_raw_nonzero().get(),
        born: now_ticks(),
    };
    if let Some(record) = table().record(ticket) {
        record.running = Some(running);
    }
}

/// The thread could not be made.
pub(super) fn forget(ticket: Ticket) {
    table().forget(ticket);
}

/// The threads of the object at `owner` that are not surely gone.
///
/// If it says that there are none, there was a moment in which none lived: every thread is in the table
/// from before it is made until it was seen dead, and in that moment, under the lock, each one of this
/// object that the table held had been seen dead. A thread that an ending one made meanwhile is in the
/// table too, and was not seen.
pub fn living(owner: usize) -> ForeignThreads {
    let seen: Vec<Record> = table().of(owner).copied().collect();
    let is_dead = |record: &Record| record.running.is_some_and(|running| !is_alive(running));
    let dead: Vec<Record> = seen.into_iter().filter(is_dead).collect();
    let mut table = table();
    for record in dead {
        table.forget(record.ticket);
    }
    let mut found = ForeignThreads::default();
    for record in table.of(owner) {
        match record.running {
            Some(running) => found.tids.push(running.tid),
            None => found.starting += 1,
        }
    }
    found
}

/// As [`living`], but gives threads that are just ending [`THREAD_EXIT_GRACE_MS`] to go.
pub fn living_after_grace(owner: usize) -> ForeignThreads {
    let deadline = Instant::now() + Duration::from_millis(THREAD_EXIT_GRACE_MS);
    loop {
        let found = living(owner);
        if found.is_empty() || Instant::now() >= deadline {
            return found;
        }
        std::thread::sleep(Duration::from_millis(THREAD_EXIT_LOOK_MS));
    }
}

/// Ticks of the clock in which the system writes a thread's start, since boot.
fn now_ticks() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let per_second = rustix::param::clock_ticks_per_second();
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    u64::try_from(now.tv_sec).unwrap_or(0) * per_second + nanoseconds * per_second / 1_000_000_000
}

/// Whether this process has a thread with this id: this one, or a later one of its number.
fn is_listed(tid: i32) -> bool {
    // SAFETY: signal 0 is none: the system only looks whether the thread is there.
    let found = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, 0) } == 0;
    found || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Whether this thread lives, and not only a later one of its number.
fn is_alive(thread: Running) -> bool {
    is_listed(thread.tid)
        && std::fs::read_to_string(format!("/proc/self/task/{}/stat", thread.tid))
            .ok()
            .and_then(|stat| start_of(&stat))
            .is_none_or(|start| start <= thread.born)
}

/// The start time in a `stat` line: the 22nd field, the 20th after the name in parentheses.
fn start_of(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn this_thread_is_alive_and_a_later_one_of_its_number_would_be_told_apart() {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        let born = now_ticks();
        assert!(is_alive(Running { tid, born }));
        assert!(
            !is_alive(Running { tid, born: 0 }),
            "a thread that started after `born` is another one"
        );
        assert!(!is_listed(i32::MAX), "the system gives no such number");
    }

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = format!("7 (a) b (c)) R {} 4711 9 9", "0 ".repeat(18).trim());
        assert_eq!(start_of(&stat), Some(4711));
        assert_eq!(start_of("7 (cut"), None);
    }

    #[test]
    fn a_thread_counts_from_before_it_runs_until_it_is_gone() {
        let owner = 0x1000;
        assert!(living(owner).is_empty());
        let ticket = enter(owner).unwrap();
        assert_eq!(living(owner).starting, 1);
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            runs(ticket);
            ready.send(()).unwrap();
            let _ = ended.recv();
        });
        is_ready.recv().unwrap();
        assert_eq!((living(owner).tids.len(), living(owner).starting), (1, 0));
        drop(end);
        thread.join().unwrap();
        assert!(living_after_grace(owner).is_empty());
    }

    #[test]
    fn a_chain_of_threads_that_end_is_never_taken_for_none() {
        static ON: AtomicBool = AtomicBool::new(true);
        /// Runs under its ticket, makes the next one, and ends.
        fn link(owner: usize, ticket: Ticket) {
            runs(ticket);
            if ON.load(Ordering::SeqCst)
                && let Some(next) = enter(owner)
            {
                std::thread::spawn(move || link(owner, next));
            }
        }
        let owner = 0x2000;
        let first = enter(owner).unwrap();
        std::thread::spawn(move || link(owner, first));
        for look in 0..500 {
            assert!(!living(owner).is_empty(), "look {look}");
        }
        ON.store(false, Ordering::SeqCst);
        assert!(living_after_grace(owner).is_empty());
    }

    #[test]
    fn a_thread_is_forgotten_by_its_own_number_only() {
        let owner = 0x3000;
        let (one, other) = (enter(owner).unwrap(), enter(owner).unwrap());
        forget(one);
        forget(one);
        assert_eq!(living(owner).starting, 1);
        forget(other);
        assert!(living(owner).is_empty());
    }
}
