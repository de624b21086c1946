//! `exit`, `_exit`, `_Exit` and `quick_exit`: an engine that ends the whole process by one of them is named
//! before it does, on whatever thread. Called by the node itself, on a thread of its own, they say nothing.
//!
//! A process that an engine forked ends at once by each of them: what was given to `atexit` is the node's, and would
//! close or flush a second time what the node has open.

use super::super::crash;
use super::caller::with_caller;
use super::{Next, StandIn};
use libc::c_int;
use std::mem::transmute;

type End = unsafe extern "C" fn(c_int) -> !;

static EXIT: Next = Next::new(c"exit");
static EXIT_NOW: Next = Next::new(c"_exit");
static EXIT_NOW_C: Next = Next::new(c"_Exit");
static QUICK_EXIT: Next = Next::new(c"quick_exit");

/// The functions of this file.
pub(super) fn stand_ins() -> [StandIn; 4] {
    [
        StandIn::new(&EXIT, exit as *const ()),
        StandIn::new(&EXIT_NOW, _exit as *const ()),
        StandIn::new(&EXIT_NOW_C, _Exit as *const ()),
        StandIn::new(&QUICK_EXIT, quick_exit as *const ()),
    ]
}

with_caller! {
    /// Ends the process.
    fn exit(status: c_int) -> ! => exit_from in "rsi", "x1"
}

with_caller! {
    /// Ends the process at once.
    fn _exit(status: c_int) -> ! => exit_now_from in "rsi", "x1"
}

with_caller! {
    /// Ends the process at once.
    fn _Exit(status: c_int) -> ! => exit_now_c_from in "rsi", "x1"
}

with_caller! {
    /// Ends the process, with what `at_quick_exit` was told.
    fn quick_exit(status: c_int) -> ! => quick_exit_from in "rsi", "x1"
}

unsafe extern "C" fn exit_from(status: c_int, caller: usize) -> ! {
    // SAFETY: the caller of `exit` keeps the real function's rules.
    unsafe { end(&EXIT, status, caller) }
}

unsafe extern "C" fn exit_now_from(status: c_int, caller: usize) -> ! {
    // SAFETY: the caller of `_exit` keeps the real function's rules.
    unsafe { end(&EXIT_NOW, status, caller) }
}

unsafe extern "C" fn exit_now_c_from(status: c_int, caller: usize) -> ! {
    // SAFETY: the caller of `_Exit` keeps the real function's rules.
    unsafe { end(&EXIT_NOW_C, status, caller) }
}

unsafe extern "C" fn quick_exit_from(status: c_int, caller: usize) -> ! {
    // SAFETY: the caller of `quick_exit` keeps the real function's rules.
    unsafe { end(&QUICK_EXIT, status, caller) }
}

/// # Safety
/// As the function that `next` names.
unsafe fn end(next: &Next, status: c_int, caller: usize) -> ! {
    let next = if crash::is_forked() {
        &EXIT_NOW
    } else {
        // It does not come back: the address may be the one behind the last instruction of its function.
        crash::ends(next.name, status, caller.saturating_sub(1));
        next
    };
    let address = next.address();
    if address == 0 {
        // There is no C library without it; the process ends all the same.
        std::process::abort();
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, End>(address) };
    // SAFETY: the caller of the stand-in keeps the real function's rules.
    unsafe { real(status) }
}
