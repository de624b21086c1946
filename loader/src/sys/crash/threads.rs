//! What threads have for the handler of fatal signals: a stack, and which library has started them.
//!
//! The standard library in an engine gives its threads no stack for that. The one in the program does, of 8 KiB
//! where the system itself may need the half of it; it gives none where there is one already.

use refit_abi::host::running;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;

/// The handler's stack, in bytes. The system takes memory for what is used of it alone.
const STACK_BYTES: usize = 64 << 10;

/// What cannot be reached below it, in bytes: a page, of any size that a page has.
const GUARD_BYTES: usize = 64 << 10;

thread_local! {
    /// Where the library begins that has started this thread; 0 for the program. Without a destructor, so that
    /// it can be read in a handler of signals.
    static STARTED_BY: Cell<usize> = const { Cell::new(0) };
    static STACK: Option<Stack> = Stack::give();
}

/// This thread begins; the library at `owner` has started it, if one has. To be called once, before it runs
/// anything else.
pub(in super::super) fn begins(owner: Option<usize>) {
    if let Some(owner) = owner {
        STARTED_BY.set(owner);
        // One that begins before its library has told its name has none.
        if let Some(label) = super::libraries::label(owner) {
            running::is_started_by(label);
        }
    }
    if super::is_told() {
        // A thread that has no such stack runs all the same; an overflow of it is then not told.
        let _ = STACK.try_with(|_| ());
    }
}

/// The library that has started this thread, if one has. Async-signal-safe.
pub(super) fn started_by() -> Option<usize> {
    let owner = STARTED_BY.get();
    (owner != 0).then_some(owner)
}

/// The alternate stack of this thread; dropped when the thread ends, however it does.
struct Stack {
    mapped: *mut c_void,
}

impl Stack {
    fn give() -> Option<Self> {
        let length = GUARD_BYTES + STACK_BYTES;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: new memory, at a place that the system chooses.
        let mapped =
            unsafe { mmap_anonymous(null_mut(), length, access, MapFlags::PRIVATE) }.ok()?;
        let stack = Self { mapped };
        // SAFETY: the first bytes of the memory that was mapped just now, which nobody uses.
        unsafe { mprotect(mapped, GUARD_BYTES, MprotectFlags::empty()) }.ok()?;
        stack
            .set(mapped.wrapping_byte_add(GUARD_BYTES), 0)
            .then_some(stack)
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
