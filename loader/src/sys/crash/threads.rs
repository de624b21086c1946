//! Gives threads what the handler of fatal signals needs: a stack, and which library has started them.
//!
//! The standard library in an engine gives its threads no stack for that. The one in the program does, of 8 KiB
//! where the system itself may need the half of it; it gives none where there is one already.
//!
//! It is given back as the thread's C++ and Rust thread-locals are dropped, which is before the destructors of keys
//! of POSIX run: an overflow in one of those is not reported.

use super::super::signals::FAULTS;
use refit_abi::host::running::{self, Label};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// The handler's stack, in bytes. The system takes memory for what is used of it alone.
const STACK_BYTES: usize = 64 << 10;

/// The bytes below it that cannot be reached: a page, of any size that a page has.
const GUARD_BYTES: usize = 64 << 10;

thread_local! {
    /// The address of the library that has started this thread; 0 for the program. Without a destructor, so that
    /// it can be read in a handler of signals.
    static STARTED_BY: Cell<usize> = const { Cell::new(0) };
    static STACK: Option<Stack> = Stack::give();
}

/// This thread begins; the library at `owner` has started it, if one has, for the code called `maker`, if that is
/// known. To be called once, before it runs anything else.
pub(in super::super) fn begins(owner: Option<usize>, maker: Option<&'static Label>) {
    if let Some(owner) = owner {
        STARTED_BY.set(owner);
        // A library that an engine has brought has no name of its own, nor one whose name is not known yet.
        if let Some(label) = super::libraries::label(owner).or(maker) {
            running::is_started_by(label);
        }
    }
    if super::is_told() {
        hears_faults();
        // A thread that has no such stack runs all the same; an overflow of it is then not reported.
        let _ = STACK.try_with(|_| ());
    }
}

/// Unblocks the signals of code that goes wrong in this thread; the thread that made it may have blocked them.
fn hears_faults() {
    let mut faults = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: a set of signals, made empty and filled here.
    unsafe {
        libc::sigemptyset(faults.as_mut_ptr());
        for signal in FAULTS {
            libc::sigaddset(faults.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, faults.as_ptr(), null_mut());
    }
}

/// The library that has started this thread, if one has. Async-signal-safe.
pub(super) fn started_by() -> Option<usize> {
    let owner = STARTED_BY.get();
    (owner != 0).then_some(owner)
}

/// Whose code makes a thread now, if it is an engine's.
pub(in super::super) fn maker() -> Option<&'static Label> {
    super::here()
        .map(|here| here.label)
        .or_else(running::started_by)
}

/// The alternate stack of this thread; dropped when the thread ends, however it does.
struct Stack {
    mapped: *mut c_void,
}

impl Stack {
    fn give() -> Option<Self> {
        let (length, none) = (GUARD_BYTES + STACK_BYTES, ProtFlags::empty());
        // SAFETY: new memory, at a place that the system chooses.
        let mapped = unsafe { mmap_anonymous(null_mut(), length, none, MapFlags::PRIVATE) }.ok()?;
        let stack = Self { mapped };
        let begin = mapped.wrapping_byte_add(GUARD_BYTES);
        let access = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: the last bytes of the memory that was mapped just now, which nobody uses.
        unsafe { mprotect(begin, STACK_BYTES, access) }.ok()?;
        stack.set(begin, 0).then_some(stack)
    }

    /// Tells the system of it, or that it is none any more.
    fn set(&self, begin: *mut c_void, flags: i32) -> bool {
        let stack = libc::stack_t {
            ss_sp: begin,
            ss_flags: flags,
            ss_size: STACK_BYTES,
        };
        // SAFETY: the memory behind the guard is mapped, as long as said, and this value's alone; it is taken
        // back before it is unmapped.
        unsafe { libc::sigaltstack(&raw const stack, null_mut()) == 0 }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Where the system does not let go of it, it stays.
        if self.set(self.mapped, libc::SS_DISABLE) {
            // SAFETY: mapped by `give` in this length; the system uses it no more, and no handler of this thread
            // runs on it, because this runs as the thread ends.
            let _ = unsafe { munmap(self.mapped, GUARD_BYTES + STACK_BYTES) };
        }
    }
}
