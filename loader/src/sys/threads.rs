//! Which library made which thread, and which of those threads are alive.
//!
//! A library must not be unmapped while a thread that it started lives: the thread would run into
//! unmapped memory. A thread is entered here before it starts, with its own id as soon as it runs,
//! and counts as alive until the system does not list it any more: its thread-local destructors run
//! after its routine returned. A number that the system gave to a later thread is told apart by the
//! start time.
//!
//! The table is fixed and atomic. A thread that finds it full is counted, and from then on nothing
//! is unmapped.

use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Threads of libraries that can be remembered at once.
pub const THREADS_MAX: usize = 4096;

/// How long a thread that ended may still be listed by the system, in milliseconds.
pub const THREAD_EXIT_GRACE_MS: u64 = 200;

/// Pause between two looks at a thread that should be gone, in milliseconds.
const THREAD_EXIT_LOOK_MS: u64 = 1;

/// One thread. `owner` 0 means that the slot is free; `tid` 0 that the thread has not run yet.
pub(super) struct Slot {
    owner: AtomicUsize,
    tid: AtomicI32,
    /// When it ran first, in ticks since boot.
    born: AtomicU64,
    /// The routine it was made for, and its argument.
    pub(super) routine: AtomicUsize,
    pub(super) argument: AtomicUsize,
}

static SLOTS: [Slot; THREADS_MAX] = [const { Slot::free_one() }; THREADS_MAX];

/// Threads that found the table full.
static UNCOUNTED: AtomicUsize = AtomicUsize::new(0);

/// The threads of one library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignThreads {
    /// The system's ids of those that live.
    pub tids: Vec<i32>,
    /// Threads made but not yet running.
    pub starting: usize,
    /// Threads of any library that could not be remembered.
    pub uncounted: usize,
}

impl ForeignThreads {
    /// Whether surely none lives.
    pub fn is_empty(&self) -> bool {
        self.tids.is_empty() && self.starting == 0 && self.uncounted == 0
    }
}

/// Takes a slot for a thread about to be made. `None`, and counted, if there is none.
pub(super) fn enter(owner: usize, routine: usize, argument: usize) -> Option<&'static Slot> {
    let slot = take(owner).or_else(|| {
        free_the_dead();
        take(owner)
    });
    match slot {
        Some(slot) => {
            slot.routine.store(routine, Ordering::Relaxed);
            slot.argument.store(argument, Ordering::Release);
        }
        None => {
            UNCOUNTED.fetch_add(1, Ordering::SeqCst);
        }
    }
    slot
}

fn take(owner: usize) -> Option<&'static Slot> {
    let free = |slot: &&Slot| {
        slot.owner
            .compare_exchange(0, owner, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    };
    SLOTS.iter().find(free)
}

impl Slot {
    const fn free_one() -> Self {
        Self {
            owner: AtomicUsize::new(0),
            tid: AtomicI32::new(0),
            born: AtomicU64::new(0),
            routine: AtomicUsize::new(0),
            argument: AtomicUsize::new(0),
        }
    }

    /// The thread runs: notes its id. Called on it.
    pub(super) fn runs(&self) {
        self.born.store(now_ticks(), Ordering::Relaxed);
        self.tid.store(
            rustix::thread::gettid().as_raw_nonzero().get(),
            Ordering::Release,
        );
    }

    /// The thread could not be made, or is gone.
    pub(super) fn free(&self) {
        self.tid.store(0, Ordering::Relaxed);
        self.owner.store(0, Ordering::Release);
    }

    fn state(&self) -> State {
        match self.tid.load(Ordering::Acquire) {
            0 => State::Starting,
            tid if is_alive(tid, self.born.load(Ordering::Relaxed)) => State::Alive(tid),
            _ => State::Dead,
        }
    }
}

enum State {
    Starting,
    Alive(i32),
    Dead,
}

fn free_the_dead() {
    let dead = |slot: &&Slot| {
        slot.owner.load(Ordering::Acquire) != 0 && matches!(slot.state(), State::Dead)
    };
    SLOTS.iter().filter(dead).for_each(Slot::free);
}

/// The living threads of the object at `owner`. Frees the slots of its dead ones.
pub fn living(owner: usize) -> ForeignThreads {
    let mut found = ForeignThreads {
        uncounted: UNCOUNTED.load(Ordering::SeqCst),
        ..Default::default()
    };
    for slot in SLOTS
        .iter()
        .filter(|slot| slot.owner.load(Ordering::Acquire) == owner)
    {
        match slot.state() {
            State::Starting => found.starting += 1,
            State::Alive(tid) => found.tids.push(tid),
            State::Dead => slot.free(),
        }
    }
    found
}

/// As [`living`], but gives threads that are just ending [`THREAD_EXIT_GRACE_MS`] to go.
pub fn living_after_grace(owner: usize) -> ForeignThreads {
    let deadline = Instant::now() + Duration::from_millis(THREAD_EXIT_GRACE_MS);
    loop {
        let found = living(owner);
        if found.is_empty() || found.uncounted > 0 || Instant::now() >= deadline {
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

/// Whether the thread with this id lives and is the one that ran at `born`, not a later one.
fn is_alive(tid: i32, born: u64) -> bool {
    match std::fs::read_to_string(format!("/proc/self/task/{tid}/stat")) {
        Ok(stat) => start_of(&stat).is_none_or(|start| start <= born),
        Err(error) => !is_gone(&error),
    }
}

fn is_gone(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
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

    #[test]
    fn this_thread_is_alive_and_a_later_one_of_its_number_would_be_told_apart() {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(is_alive(tid, now_ticks()));
        assert!(
            !is_alive(tid, 0),
            "a thread that started after `born` is another one"
        );
    }

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = format!("7 (a) b (c)) R {} 4711 9 9", "0 ".repeat(18).trim());
        assert_eq!(start_of(&stat), Some(4711));
        assert_eq!(start_of("7 (cut"), None);
    }

    #[test]
    fn a_slot_counts_until_it_is_freed() {
        let owner = 0x1000;
        let slot = enter(owner, 1, 2).unwrap();
        assert_eq!(living(owner).starting, 1);
        slot.runs();
        assert_eq!(living(owner).tids.len(), 1);
        slot.free();
        assert!(living(owner).is_empty());
    }
}
