//! `exit`, `_exit`, `_Exit` and `quick_exit`: an engine that ends the whole process by one of them is named
//! before it does. On a thread that runs no engine's code they say nothing.
//!
//! A process that an engine forked ends at once by each of them: what was given to `atexit` is the node's, and would
//! close or flush a second time what the node has open.

use super::super::crash;
use super::Next;
use libc::c_int;
use std::mem::transmute;

type End = unsafe extern "C" fn(c_int) -> !;

static EXIT: Next = Next::new(c"exit");
static EXIT_NOW: Next = Next::new(c"_exit");
static EXIT_NOW_C: Next = Next::new(c"_Exit");
static QUICK_EXIT: Next = Next::new(c"quick_exit");

/// The functions that these stand in for, and where they lie themselves.
pub(super) fn pairs() -> [(&'static Next, usize); 4] {
    [
        (&EXIT, exit as *const () as usize),
        (&EXIT_NOW, _exit as *const () as usize),
        (&EXIT_NOW_C, _Exit as *const () as usize),
        (&QUICK_EXIT, quick_exit as *const () as usize),
    ]
}

/// Ends the process.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn exit(status: c_int) -> ! {
    // SAFETY: whoever called this holds to the real function's rules.
    unsafe { end(&EXIT, status) }
}

/// Ends the process at once.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _exit(status: c_int) -> ! {
    // SAFETY: as above.
    unsafe { end(&EXIT_NOW, status) }
}

/// Ends the process at once.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Exit(status: c_int) -> ! {
    // SAFETY: as above.
    unsafe { end(&EXIT_NOW_C, status) }
}

/// Ends the process, with what `at_quick_exit` was told.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quick_exit(status: c_int) -> ! {
    // SAFETY: as above.
    unsafe { end(&QUICK_EXIT, status) }
}

/// # Safety
/// As the function that `next` names.
unsafe fn end(next: &Next, status: c_int) -> ! {
    let next = if crash::is_forked() {
        &EXIT_NOW
    } else {
        crash::ends(next.name, status);
        next
    };
    let address = next.address();
    if address == 0 {
        // There is no C library without it; the process ends all the same.
        std::process::abort();
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, End>(address) };
    // SAFETY: whoever called the stand-in holds to the real function's rules.
    unsafe { real(status) }
}
