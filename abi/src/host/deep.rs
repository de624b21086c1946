//! Handles states that are too deep for the stack of the thread at hand.
//!
//! A module says so before anything happens ([`CallStatus::TooDeep`]); the call is then made again on a
//! thread of its own with a large stack, which has ended when the call returns: a thread that entered a
//! module's code must not outlive it. A state too deep even there is refused, or, where nothing may fail,
//! leaked and counted.

use super::running;
use crate::raw::CallStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, scope};

/// Stack of the thread on which a call is made again, in bytes. Address space: memory is taken as far as
/// the call comes.
pub const LARGE_STACK_BYTES: usize = 1 << 30;

/// Counts for the whole process: the memory that leaks is the process's, in whichever thread it leaks.
static LEAKED: AtomicU64 = AtomicU64::new(0);

/// The number of states, or parts of one, that were leaked in this process because they were too deep to be dropped.
pub fn leaked() -> u64 {
    LEAKED.load(Ordering::Relaxed)
}

pub(super) fn count_leaked() {
    LEAKED.fetch_add(1, Ordering::Relaxed);
}

/// Goes to another thread and comes back, while the one it belongs to waits.
struct Lent<T>(T);

// SAFETY: `on_large_stack` is the only maker: the lender waits until the borrowing thread has ended, so
// nothing is used by two threads at once; the caller of `call` or `done` vouches that what is lent may be used by
// another thread than its own.
unsafe impl<T> Send for Lent<T> {}

/// Runs `call`, again on a large stack if it says that its value is too deep. Where the system gives no
/// such thread, that is what it says in the end.
///
/// # Safety
/// Another thread may run `call` while this one waits: what it holds and touches is `Send`, or points to states
/// (`Send` by `State`'s bound) and to buffers of this crate. And `call` may run again after it said `TooDeep`.
pub(super) unsafe fn call(mut call: impl FnMut() -> CallStatus) -> CallStatus {
    match call() {
        // SAFETY: the caller vouches for it.
        CallStatus::TooDeep => unsafe { on_large_stack(call) }.unwrap_or(CallStatus::TooDeep),
        status => status,
    }
}

/// As [`call`], for what says by a yes that it is done.
///
/// # Safety
/// As [`call`]; it may run again after a no.
pub(super) unsafe fn done(mut call: impl FnMut() -> bool) -> bool {
    // SAFETY: the caller vouches for it.
    call() || unsafe { on_large_stack(call) }.unwrap_or(false)
}

/// `None` if there is no such thread, or it panicked: entries of a module catch their own panics.
///
/// # Safety
/// `call` and what it gives may be used by another thread while this one waits.
unsafe fn on_large_stack<T>(call: impl FnOnce() -> T) -> Option<T> {
    let (call, caller) = (Lent(call), running::here());
    let run = move || {
        let call = call;
        let _noted = caller.map(|caller| running::note(caller.label, caller.call, caller.engine));
        Lent((call.0)())
    };
    scope(|scope| {
        let thread = Builder::new().name("refit-deep".to_owned());
        let thread = thread.stack_size(LARGE_STACK_BYTES);
        let thread = thread.spawn_scoped(scope, run).ok()?;
        thread.join().ok().map(|lent| lent.0)
    })
}
