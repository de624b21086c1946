//! `sigaction` and `signal`: who was given the address of whose signal handler.
//!
//! Code that asks what is installed, or installs another handler or none, learns the address of the one that was
//! there, and may call it or put it back later: `signal-hook` does, and the tokio runtime by it, in a library and
//! in the program alike. The installed handler can be asked for at any time; which code keeps an earlier one can
//! only be noted here. So each time a library's handler is given to code outside of that library, it is noted.
//! The caller is known by the address that the call returns to. A library that asks for its own handler, or takes
//! it away, is given nothing new.
//!
//! These may be called in a signal handler and after `fork`: they take no lock and allocate nothing, and look for
//! a library only when a function is handed out, or at one of the node's own signals: those by which it is asked to
//! end, on which it relies, or by which a crash is reported. A library neither takes them over nor has them ignored.

use super::super::{address, crash, signals};
use super::caller::with_caller;
use super::{Next, StandIn, library_at};
use libc::{c_int, sighandler_t};
use std::mem::{MaybeUninit, transmute};
use std::ptr::{from_ref, null};

type Sigaction = unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int;
type Signal = unsafe extern "C" fn(c_int, sighandler_t) -> sighandler_t;

static SIGACTION: Next = Next::new(c"sigaction");
static SIGNAL: Next = Next::new(c"signal");

/// The functions of this file.
pub(super) fn stand_ins() -> [StandIn; 2] {
    [
        StandIn::new(&SIGACTION, sigaction as *const ()),
        StandIn::new(&SIGNAL, signal as *const ()),
    ]
}

with_caller! {
    /// Sets what happens at a signal, and notes whose handler was handed out. Where the caller is not known, every
    /// hand-out counts.
    fn sigaction(number: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int
        => sigaction_by in "rcx", "x3"
}

with_caller! {
    /// Sets what happens at a signal, and notes whose handler was handed out. Where the caller is not known, every
    /// hand-out counts.
    fn signal(number: c_int, handler: sighandler_t) -> sighandler_t => signal_by in "rdx", "x2"
}

/// # Safety
/// As the C library's `sigaction`; `caller` is an address in the code that calls, or 0.
unsafe extern "C" fn sigaction_by(
    number: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
    caller: usize,
) -> c_int {
    let next = SIGACTION.address();
    if next == 0 {
        return -1;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Sigaction>(next) };
    // SAFETY: the stand-in's caller gave pointers that are null or good.
    let installed = unsafe { new.as_ref() }.map(|new| new.sa_sigaction);
    if installed.is_some_and(|handler| is_foreign(number, [caller, handler])) {
        return refused(-1);
    }
    let _change = signals::Change::begin();
    let told = told_by_default(number, installed, caller);
    // SAFETY: as above.
    let changed = told.or_else(|| unsafe { new.as_ref() }.and_then(|new| with_faults(new, caller)));
    let new = changed.as_ref().map_or(new, from_ref);
    // SAFETY: the stand-in's caller keeps the real function's rules.
    let status = unsafe { real(number, new, old) };
    if status == 0
        // SAFETY: as above; after success the real function wrote it.
        && let Some(old) = unsafe { old.as_mut() }
    {
        let replaced = old.sa_sigaction;
        if hides(number, replaced, caller) {
            // SAFETY: all zero is a valid `sigaction`: the system's own action.
            *old = unsafe { MaybeUninit::zeroed().assume_init() };
        }
        HandOut {
            replaced,
            installed,
            caller,
        }
        .note(number);
    }
    status
}

/// # Safety
/// As the C library's `signal`; `caller` is an address in the code that calls, or 0.
unsafe extern "C" fn signal_by(
    number: c_int,
    handler: sighandler_t,
    caller: usize,
) -> sighandler_t {
    let next = SIGNAL.address();
    if next == 0 {
        return libc::SIG_ERR;
    }
    if is_foreign(number, [caller, handler]) {
        return refused(libc::SIG_ERR);
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Signal>(next) };
    let _change = signals::Change::begin();
    let installed = Some(handler);
    let replaced = match told_by_default(number, installed, caller) {
        Some(told) => crash::exchange(number, &told).unwrap_or(libc::SIG_ERR),
        // SAFETY: the stand-in's caller keeps the real function's rules.
        None => unsafe { real(number, handler) },
    };
    if replaced != libc::SIG_ERR {
        HandOut {
            replaced,
            installed,
            caller,
        }
        .note(number);
    }
    if hides(number, replaced, caller) {
        return libc::SIG_DFL;
    }
    replaced
}

/// The handler that is set in place of the system's own action, where a library asks for that and an end by the signal
/// is reported: it is the same to the library, and the process does not end without a word.
fn told_by_default(
    number: c_int,
    installed: Option<sighandler_t>,
    caller: usize,
) -> Option<libc::sigaction> {
    let is_asked = installed == Some(libc::SIG_DFL) && crash::is_told();
    (is_asked && library_at(caller).is_some())
        .then(|| crash::stands_for_default(number))
        .flatten()
}

/// A library's handler in which code that goes wrong is still reported, if it asks to set another action.
fn with_faults(new: &libc::sigaction, caller: usize) -> Option<libc::sigaction> {
    let is_asked = is_function(new.sa_sigaction) && crash::is_told();
    if !is_asked || library_at(caller).is_none() {
        return None;
    }
    let mut kept = *new;
    crash::without_faults(&mut kept.sa_mask);
    Some(kept)
}

/// Whether a library that asks gets the answer that the system's own action was set. A library that learned of the
/// handler that reports would call it from its own, as `signal-hook` does with what it finds, and end the process.
fn hides(number: c_int, replaced: sighandler_t, caller: usize) -> bool {
    crash::is_teller(number, replaced) && library_at(caller).is_some()
}

/// As the C library's `sigaction`, for the program itself: what was there before the program may lie in a library.
pub(in super::super) fn set(
    number: c_int,
    new: &libc::sigaction,
    old: *mut libc::sigaction,
) -> bool {
    let next = SIGACTION.address();
    // SAFETY: the address of the C library's function of this name, which has this type.
    next != 0 && unsafe { transmute::<usize, Sigaction>(next)(number, new, old) == 0 }
}

/// Whether the signal is the node's own, and one of these addresses is in a library.
fn is_foreign(number: c_int, addresses: [usize; 2]) -> bool {
    signals::is_the_nodes(number)
        && addresses
            .into_iter()
            .any(|address| library_at(address).is_some())
}

/// Says no in the way of the C library.
fn refused<T>(answer: T) -> T {
    // SAFETY: the C library gives the place of this thread's own error number.
    unsafe { *libc::__errno_location() = libc::EPERM };
    answer
}

/// A handler's address was given to somebody.
struct HandOut {
    /// The handler.
    replaced: sighandler_t,
    /// The handler that is installed in its place, if there is one.
    installed: Option<sighandler_t>,
    /// An address in the code that got it; 0 if it is not known.
    caller: usize,
}

impl HandOut {
    /// Notes it, unless the handler's own library got it. The program's handlers stay as long as the process.
    fn note(&self, number: c_int) {
        let library_of = |handler| is_function(handler).then(|| library_at(handler)).flatten();
        let Some(owner) = library_of(self.replaced) else {
            return;
        };
        let installed = self.installed.and_then(library_of);
        // The second, because a call that is the last of its function returns to the caller of that one.
        let by_itself = address::base_of(self.caller) == Some(owner)
            && installed.is_none_or(|installed| installed == owner);
        if !by_itself {
            signals::handed_out(owner, number);
        }
    }
}

fn is_function(handler: sighandler_t) -> bool {
    handler != libc::SIG_DFL && handler != libc::SIG_IGN
}

/// The handler of a signal, as the system has it; `None` if it has none that is a function.
pub(in super::super) fn handler(number: c_int) -> Option<usize> {
    disposition(number).filter(|handler| is_function(*handler))
}

/// Whether this process ignores a signal.
pub(in super::super) fn is_ignored(number: c_int) -> bool {
    disposition(number) == Some(libc::SIG_IGN)
}

/// The handler or action of a signal, as the system has it.
fn disposition(number: c_int) -> Option<sighandler_t> {
    let next = SIGACTION.address();
    if next == 0 {
        return None;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Sigaction>(next) };
    let mut found = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and there is a place for what is set. A number that is no signal fails.
    let status = unsafe { real(number, null(), found.as_mut_ptr()) };
    // SAFETY: zeroed, and written after success; all its fields may be zero.
    (status == 0).then(|| unsafe { found.assume_init() }.sa_sigaction)
}
