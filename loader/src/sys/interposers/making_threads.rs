//! `pthread_create` and `thrd_create`: every thread whose first code is in a library is remembered.

use super::super::crash;
use super::super::threads::{self, Ticket};
use super::{Next, StandIn, library_at};
use libc::{c_int, c_void, pthread_attr_t, pthread_t};
use refit_abi::host::running::Label;
use std::mem::transmute;

/// The function that a thread runs: it gives a pointer in POSIX, a number in C11.
type Routine<T> = extern "C" fn(*mut c_void) -> T;
type Create = unsafe extern "C" fn(
    *mut pthread_t,
    *const pthread_attr_t,
    Routine<*mut c_void>,
    *mut c_void,
) -> c_int;
type ThrdCreate = unsafe extern "C" fn(*mut c_void, Routine<c_int>, *mut c_void) -> c_int;

/// C11's `thrd_error`, as glibc has it.
const THRD_ERROR: c_int = 2;

static CREATE: Next = Next::new(c"pthread_create");
static THRD_CREATE: Next = Next::new(c"thrd_create");

/// The functions of this file.
pub(super) fn stand_ins() -> [StandIn; 2] {
    [
        StandIn::new(&CREATE, pthread_create as *const ()),
        StandIn::new(&THRD_CREATE, thrd_create as *const ()),
    ]
}

/// The work that a thread is made for.
struct Errand<T> {
    routine: Routine<T>,
    argument: *mut c_void,
}

/// The values that a thread needs to begin.
struct Start<T> {
    routine: Routine<T>,
    argument: *mut c_void,
    /// `None` for a thread of the program itself.
    owner: Option<Owner>,
    /// The code that had it made, where that is an engine's.
    maker: Option<&'static Label>,
}

/// The library whose routine a thread runs.
#[derive(Clone, Copy)]
struct Owner {
    base: usize,
    ticket: Ticket,
}

/// Makes a thread, and remembers it if its routine is in a library. `EAGAIN` if too many are remembered.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    routine: Routine<*mut c_void>,
    argument: *mut c_void,
) -> c_int {
    let next = CREATE.address();
    if next == 0 {
        return libc::EAGAIN;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Create>(next) };
    remembered(
        Errand { routine, argument },
        libc::EAGAIN,
        |routine, argument| {
            // SAFETY: the stand-in's caller keeps the real function's rules; the routine and the argument are
            // the caller's own, or ours, which fit each other.
            unsafe { real(thread, attributes, routine, argument) }
        },
    )
}

/// Makes a thread, and remembers it if its routine is in a library. `thrd_error` if too many are
/// remembered.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn thrd_create(
    thread: *mut c_void,
    routine: Routine<c_int>,
    argument: *mut c_void,
) -> c_int {
    let next = THRD_CREATE.address();
    if next == 0 {
        return THRD_ERROR;
    }
    // SAFETY: the address of the C library's function of this name, which has this type: `thrd_t` is a
    // `pthread_t`, of which only the address crosses.
    let real = unsafe { transmute::<usize, ThrdCreate>(next) };
    remembered(
        Errand { routine, argument },
        THRD_ERROR,
        |routine, argument| {
            // SAFETY: as in `pthread_create`.
            unsafe { real(thread, routine, argument) }
        },
    )
}

/// Lets `create` make a thread: with [`run`] around what the caller asked for, if the routine is in a library or
/// crashes are reported. `full` is the answer if it cannot be remembered.
fn remembered<T>(
    Errand { routine, argument }: Errand<T>,
    full: c_int,
    create: impl FnOnce(Routine<T>, *mut c_void) -> c_int,
) -> c_int {
    let owner = match library_at(routine as usize) {
        None if !crash::is_told() => return create(routine, argument),
        None => None,
        Some(base) => match threads::enter(base) {
            Some(ticket) => Some(Owner { base, ticket }),
            None => return full,
        },
    };
    let start = Box::into_raw(Box::new(Start {
        routine,
        argument,
        owner,
        maker: owner.and_then(|_| crash::maker()),
    }));
    let status = create(run::<T>, start.cast());
    if status != 0 {
        // SAFETY: made just now; no thread was, so nobody else has it.
        drop(unsafe { Box::from_raw(start) });
        if let Some(owner) = owner {
            threads::forget(owner.ticket);
        }
    }
    status
}

/// First code of a thread: notes its id if it is a library's, gives it a stack for the handler of fatal signals,
/// then runs what it was made for.
///
/// Nothing is left to be dropped when the routine is called: it may leave by `pthread_exit`.
extern "C" fn run<T>(start: *mut c_void) -> T {
    let Errand { routine, argument } = begun::<T>(start);
    routine(argument)
}

/// Notes the thread's library and gives its routine. Apart, so that nothing of it stands in the way of `pthread_exit`.
#[inline(never)]
fn begun<T>(start: *mut c_void) -> Errand<T> {
    let start: *mut Start<T> = start.cast();
    // SAFETY: `remembered` gave this thread, and no one else, the box that it made for it.
    let Start {
        routine,
        argument,
        owner,
        maker,
    } = *unsafe { Box::from_raw(start) };
    if let Some(owner) = owner {
        threads::runs(owner.ticket);
    }
    crash::begins(owner.map(|owner| owner.base), maker);
    Errand { routine, argument }
}
