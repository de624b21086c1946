//! Signal handlers that libraries leave behind.
//!
//! A library that is unmapped while a handler of it is installed takes the process with it at the next
//! such signal. The same holds where other code, of a library or of the program, was given the handler's
//! address: it may call it from its own handler, or put it back. Both are asked before a library is closed.

use super::crash;
use super::interposers::{self, installed};
use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// The greatest number of a signal.
pub(super) const NUMBER_MAX: i32 = 64;

/// The signals of code that goes wrong.
pub(super) const FAULTS: [i32; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
];

/// The node's own signals beside those: by these it is asked to end; without the last two as they are it would end
/// with a client that hangs up, or learn nothing of its children.
const OWN: [i32; 5] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGPIPE,
    libc::SIGCHLD,
];

/// The number of a signal, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub i32);

/// Libraries that are remembered for good: as many as may be mapped.
const LIBRARIES_MAX: usize = crate::loader::MAPPED_MAX;

/// The address of a library that has a handler which other code knows, with the signal's number in the low bits,
/// which are 0 in a beginning. Such a library is never unmapped, so its place is never another's.
static HANDED_OUT: [AtomicUsize; LIBRARIES_MAX] = [const { AtomicUsize::new(0) }; LIBRARIES_MAX];

/// The number of a signal whose handler was handed out when [`HANDED_OUT`] was full; 0 for none. Whose it was is
/// not known any more.
static NOT_NOTED: AtomicI32 = AtomicI32::new(0);

/// Threads that are just setting a handler or asking for one: what they were given is noted only then.
static CHANGING: AtomicUsize = AtomicUsize::new(0);

/// A call that sets a handler, or asks for one, until it has been noted what it gave.
pub(super) struct Change(());

impl Change {
    pub(super) fn begin() -> Self {
        CHANGING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        CHANGING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether somebody was given a handler and it is not noted yet.
///
/// To be asked between [`handled`] and [`known_to_others`]: once a library has no handler installed, nobody is
/// given one of it, and who was given one before has then been noted.
pub fn is_changing() -> bool {
    CHANGING.load(Ordering::SeqCst) > 0
}

/// The bits of a library's beginning that are 0.
const PAGE_BITS: usize = 0xfff;

/// Whether only the node says what happens at this signal. May be called in a signal handler.
pub(super) fn is_the_nodes(number: i32) -> bool {
    (FAULTS.contains(&number) || OWN.contains(&number)) && crash::is_told() && !crash::is_telling()
}

/// Notes that the handler of the library at `owner` is known to code outside of it.
///
/// May be called in a signal handler.
pub(super) fn handed_out(owner: usize, number: i32) {
    let entry = (owner & !PAGE_BITS) | (number.unsigned_abs() as usize & PAGE_BITS);
    for place in &HANDED_OUT {
        let taken = place.compare_exchange(0, entry, Ordering::SeqCst, Ordering::SeqCst);
        if taken.is_ok() || taken.is_err_and(|found| found & !PAGE_BITS == owner & !PAGE_BITS) {
            return;
        }
    }
    NOT_NOTED.store(number, Ordering::SeqCst);
}

/// The signal whose handler the library at `owner` has, or may have, and other code knows.
pub fn known_to_others(owner: usize) -> Option<Signal> {
    let not_noted = NOT_NOTED.load(Ordering::SeqCst);
    if not_noted != 0 {
        return Some(Signal(not_noted));
    }
    let entries = HANDED_OUT.iter().map(|place| place.load(Ordering::SeqCst));
    entries
        .take_while(|entry| *entry != 0)
        .find(|entry| entry & !PAGE_BITS == owner & !PAGE_BITS)
        .and_then(|entry| i32::try_from(entry & PAGE_BITS).ok())
        .map(Signal)
}

/// The signals whose installed handlers lie where `is_inside` says.
pub fn handled(is_inside: impl Fn(usize) -> bool) -> Vec<Signal> {
    let numbers = 1..=NUMBER_MAX;
    numbers
        .filter(|number| installed(*number).is_some_and(&is_inside))
        .map(Signal)
        .collect()
}

impl Signal {
    /// The signal of a terminal that closes, which `nohup` has a program ignore.
    pub const HANGUP: Self = Self(libc::SIGHUP);

    /// Whether this process ignores it.
    pub fn is_ignored(self) -> bool {
        interposers::is_ignored(self.0)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = usize::try_from(self.0)
            .ok()
            .and_then(|number| NAMES.get(number))
            .filter(|name| !name.is_empty());
        match named {
            Some(name) => write!(f, "SIG{name}"),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// Linux's names on x86-64 and aarch64, by number.
const NAMES: [&str; 32] = [
    "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_their_names() {
        let names = [1, 11, 17, 40].map(|number| Signal(number).to_string());
        assert_eq!(names, ["SIGHUP", "SIGSEGV", "SIGCHLD", "signal 40"]);
    }

    #[test]
    fn a_library_whose_handler_is_known_is_told_from_others() {
        handed_out(0x7000_0000, 10);
        handed_out(0x7000_0000, 12);
        assert_eq!(known_to_others(0x7000_0000), Some(Signal(10)));
        assert_eq!(known_to_others(0x7000_1000), None);
    }

    #[test]
    fn the_standard_library_of_this_program_has_handlers() {
        let program = crate::sys::interposers::program();
        let own = |address| crate::sys::address::base_of(address) == Some(program);
        assert!(handled(own).contains(&Signal(libc::SIGSEGV)));
        assert_eq!(handled(|_| false), []);
    }
}
