//! `sigaction` and `signal`: who was given the address of whose signal handler.
//!
//! A library that installs a handler over another's may keep that one's address and call it from its
//! own: `signal-hook` does, and the tokio runtime by it. What is installed can be asked at any time; who
//! keeps what was installed before can only be noted here. These may be called in a signal handler and
//! after `fork`: they take no lock and allocate nothing, and look for a library only when one handler
//! comes in another one's place.

use super::super::signals;
use super::{Next, library_at};
use libc::{c_int, sighandler_t};
use std::mem::{MaybeUninit, transmute};

type Sigaction = unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int;
type Signal = unsafe extern "C" fn(c_int, sighandler_t) -> sighandler_t;

static SIGACTION: Next = Next::new(c"sigaction");
static SIGNAL: Next = Next::new(c"signal");

/// The functions that these stand in for, and where they lie themselves.
pub(super) fn pairs() -> [(&'static Next, usize); 2] {
    [
        (&SIGACTION, sigaction as *const () as usize),
        (&SIGNAL, signal as *const () as usize),
    ]
}

/// Sets what happens at a signal, and notes whose handler was handed out.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigaction(
    number: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    let next = SIGACTION.address();
    if next == 0 {
        return -1;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Sigaction>(next) };
    // SAFETY: whoever called this gave pointers that are null or good.
    let installed = unsafe { new.as_ref() }.map(|new| new.sa_sigaction);
    // SAFETY: whoever called this holds to the real function's rules.
    let status = unsafe { real(number, new, old) };
    if status == 0
        && let Some(installed) = installed
        // SAFETY: as above; after success the real function wrote it.
        && let Some(replaced) = unsafe { old.as_ref() }
    {
        replaces(number, installed, replaced.sa_sigaction);
    }
    status
}

/// Sets what happens at a signal, and notes whose handler was handed out.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    let next = SIGNAL.address();
    if next == 0 {
        return libc::SIG_ERR;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Signal>(next) };
    // SAFETY: whoever called this holds to the real function's rules.
    let replaced = unsafe { real(number, handler) };
    if replaced != libc::SIG_ERR {
        replaces(number, handler, replaced);
    }
    replaced
}

/// One handler came in another one's place, and whoever installed it knows the other's address.
fn replaces(number: c_int, installed: sighandler_t, replaced: sighandler_t) {
    let is_function = |handler: sighandler_t| handler != libc::SIG_DFL && handler != libc::SIG_IGN;
    if !is_function(installed) || !is_function(replaced) || installed == replaced {
        return;
    }
    // A library that puts the program's handler back has done with its own.
    let (new, old) = (library_at(installed), library_at(replaced));
    if let (Some(new), Some(old)) = (new, old)
        && new != old
    {
        signals::handed_out(old, number);
    }
}

/// The handler of a signal, as the system has it; `None` if it has none that is a function.
pub(in super::super) fn handler(number: c_int) -> Option<usize> {
    let next = SIGACTION.address();
    if next == 0 {
        return None;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Sigaction>(next) };
    let mut found = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and there is a place for what is set. A number that is no signal fails.
    let status = unsafe { real(number, std::ptr::null(), found.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: zeroed, and written after success; all its fields may be zero.
    let handler = unsafe { found.assume_init() }.sa_sigaction;
    (handler != libc::SIG_DFL && handler != libc::SIG_IGN).then_some(handler)
}
