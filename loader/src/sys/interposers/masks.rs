//! `pthread_sigmask` and `sigprocmask`: a library that blocks all signals on a thread of its own, as many do, does
//! not block those of code that goes wrong. The system ends a process without a word at a fault whose signal is
//! blocked.

use super::super::crash;
use super::caller::with_caller;
use super::{Next, StandIn, library_at};
use libc::{c_int, sigset_t};
use std::mem::transmute;
use std::ptr::from_ref;

type Mask = unsafe extern "C" fn(c_int, *const sigset_t, *mut sigset_t) -> c_int;

static OF_THREAD: Next = Next::new(c"pthread_sigmask");
static OF_PROCESS: Next = Next::new(c"sigprocmask");

/// The functions of this file.
pub(super) fn stand_ins() -> [StandIn; 2] {
    [
        StandIn::new(&OF_THREAD, pthread_sigmask as *const ()),
        StandIn::new(&OF_PROCESS, sigprocmask as *const ()),
    ]
}

with_caller! {
    /// Sets which signals this thread has wait.
    fn pthread_sigmask(how: c_int, new: *const sigset_t, old: *mut sigset_t) -> c_int
        => of_thread_by in "rcx", "x3"
}

with_caller! {
    /// Sets which signals this thread has wait.
    fn sigprocmask(how: c_int, new: *const sigset_t, old: *mut sigset_t) -> c_int
        => of_process_by in "rcx", "x3"
}

/// # Safety
/// As the C library's `pthread_sigmask`; `caller` is an address in the code that calls, or 0.
unsafe extern "C" fn of_thread_by(
    how: c_int,
    new: *const sigset_t,
    old: *mut sigset_t,
    caller: usize,
) -> c_int {
    // SAFETY: the stand-in's caller keeps the real function's rules.
    unsafe { mask(&OF_THREAD, Change { how, new, old }, caller).unwrap_or(libc::ENOSYS) }
}

/// # Safety
/// As the C library's `sigprocmask`; `caller` is an address in the code that calls, or 0.
unsafe extern "C" fn of_process_by(
    how: c_int,
    new: *const sigset_t,
    old: *mut sigset_t,
    caller: usize,
) -> c_int {
    // SAFETY: the stand-in's caller keeps the real function's rules.
    unsafe { mask(&OF_PROCESS, Change { how, new, old }, caller).unwrap_or(-1) }
}

/// The arguments of either function.
struct Change {
    how: c_int,
    new: *const sigset_t,
    old: *mut sigset_t,
}

/// # Safety
/// As the function that `next` names.
unsafe fn mask(next: &Next, Change { how, new, old }: Change, caller: usize) -> Option<c_int> {
    let address = next.address();
    if address == 0 {
        return None;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Mask>(address) };
    // SAFETY: null or good (caller).
    let asked = unsafe { new.as_ref() };
    let kept = asked
        .filter(|_| how != libc::SIG_UNBLOCK && crash::is_told() && library_at(caller).is_some())
        .map(|asked| {
            let mut kept = *asked;
            crash::without_faults(&mut kept);
            kept
        });
    // SAFETY: as the caller says; the set of ours lives for the call.
    Some(unsafe { real(how, kept.as_ref().map_or(new, from_ref), old) })
}
