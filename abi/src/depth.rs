//! Measures how far recursion may go on this thread: values of recursive types are as deep as their authors' data.
//!
//! Writing, reading and dropping a value of a recursive type (a list of `Box`es, a tree) recurse as deep
//! as the value. An overflow would end the node, so code that walks such a value looks at what is left of
//! the stack at each level ([`Floor::is_reached`]) and gives up in time. Types that are not recursive are
//! walked without a look: their depth is fixed by their source.

use std::cell::Cell;

/// Bytes of stack that a walk leaves untouched: for the frames between two looks, and for the error's report.
const RESERVE_BYTES: usize = 256 << 10;

/// The stack that a thread is assumed to have if the system does not report its bounds, in bytes below the first
/// frame that asks.
const UNKNOWN_STACK_BYTES: usize = RESERVE_BYTES + (256 << 10);

/// The lowest address that a walk on this thread may come to; the stack grows down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Floor(usize);

impl Floor {
    /// No look is needed.
    pub(crate) const NONE: Floor = Floor(0);

    /// This thread's, if `deep`; else [`Floor::NONE`].
    #[inline]
    pub(crate) fn if_deep(deep: bool) -> Self {
        if deep { Self::of_thread() } else { Self::NONE }
    }

    /// The floor of this thread's stack.
    pub(crate) fn of_thread() -> Self {
        // Its stack is no memory with an end that can be asked for.
        if cfg!(miri) {
            return Self::NONE;
        }
        Self(lowest().saturating_add(RESERVE_BYTES))
    }

    /// Leaves the walk one part in `parts` of what is left: for a walk that stands for another one, of
    /// larger frames.
    pub(crate) fn one_in(self, parts: usize) -> Self {
        if self == Self::NONE {
            return self;
        }
        let here = stack_pointer();
        let left = here.saturating_sub(self.0);
        Self(here - left / parts)
    }

    /// Whether the walk must not go deeper.
    #[inline(always)]
    pub(crate) fn is_reached(self) -> bool {
        stack_pointer() < self.0
    }
}

/// The address of the caller's stack at the moment.
#[inline(always)]
fn stack_pointer() -> usize {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let here: usize;
        // SAFETY: reads a register; touches neither memory nor stack nor flags.
        unsafe {
            std::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        here
    }
    #[cfg(any(not(target_arch = "x86_64"), miri))]
    {
        let here = 0_u8;
        std::hint::black_box(&raw const here).addr()
    }
}

/// The lowest address of this thread's stack, asked once for each thread.
fn lowest() -> usize {
    thread_local! {
        // Needs no destructor, so it keeps no library mapped.
        static LOWEST: Cell<usize> = const { Cell::new(0) };
    }
    let known = LOWEST.get();
    if known != 0 {
        return known;
    }
    let lowest = ask().unwrap_or_else(|| stack_pointer().saturating_sub(UNKNOWN_STACK_BYTES));
    LOWEST.set(lowest.max(1));
    lowest
}

/// `pthread_attr_t` of the C library: more than it is on any target of it, aligned as its words.
#[repr(C)]
struct Attributes([u64; 16]);

unsafe extern "C" {
    fn pthread_self() -> usize;
    fn pthread_getattr_np(thread: usize, attributes: *mut Attributes) -> i32;
    fn pthread_attr_getstack(
        attributes: *const Attributes,
        lowest: *mut *mut u8,
        bytes: *mut usize,
    ) -> i32;
    fn pthread_attr_destroy(attributes: *mut Attributes) -> i32;
}

/// Asks the system for the lowest address of this thread's stack.
fn ask() -> Option<usize> {
    let mut attributes = Attributes([0; 16]);
    let (mut lowest, mut bytes) = (std::ptr::null_mut(), 0);
    // SAFETY: the thread asks about itself, so it is alive; the C library initialises `attributes`, for
    // which there is room (56 bytes on x86-64), before it is read, and both outputs may be written.
    let said = unsafe {
        if pthread_getattr_np(pthread_self(), &raw mut attributes) != 0 {
            return None;
        }
        let said = pthread_attr_getstack(&raw const attributes, &raw mut lowest, &raw mut bytes);
        pthread_attr_destroy(&raw mut attributes);
        said
    };
    (said == 0 && !lowest.is_null()).then_some(lowest as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_lies_in_the_stack_of_its_thread_below_every_frame() {
        let bytes = 1 << 20;
        let look = move || {
            let (here, Floor(floor)) = (stack_pointer(), Floor::of_thread());
            (
                here - floor,
                Floor(floor).is_reached(),
                Floor::NONE.is_reached(),
            )
        };
        let thread = std::thread::Builder::new().stack_size(bytes);
        let (left, reached, never) = thread.spawn(look).unwrap().join().unwrap();
        assert!(!reached && !never);
        // At least what was asked for; the C library may give a larger stack that a thread before has left.
        assert!(
            left > bytes - 2 * RESERVE_BYTES && left < 64 << 20,
            "{left}"
        );
    }

    #[test]
    fn a_part_of_the_floor_is_reached_sooner() {
        let floor = Floor::of_thread();
        let half = floor.one_in(2);
        assert!(half.0 > floor.0 && !half.is_reached());
    }
}
