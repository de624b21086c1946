//! [`Counting`]: the system's allocator, which keeps an account for each thread, so that tests beside each other do
//! not see each other's memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Without a destructor and without memory of their own: they may be used inside the allocator.
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The allocator of a test program whose memory is counted: `#[global_allocator] static A: Counting = Counting;`.
#[derive(Debug)]
pub struct Counting;

/// The result of a piece of work, and the memory that it took.
#[derive(Clone, Copy, Debug)]
pub struct Taken<T> {
    /// The result.
    pub value: T,
    /// The most that it held at once of what it allocated itself, in bytes.
    pub peak_bytes: usize,
}

/// Does the work, and counts what this thread allocates meanwhile. Without [`Counting`] as the program's allocator it
/// counts nothing.
pub fn taken<T>(work: impl FnOnce() -> T) -> Taken<T> {
    let before = NOW.get();
    PEAK.set(before);
    let value = work();
    let peak = PEAK.get() - before;
    Taken {
        value,
        peak_bytes: usize::try_from(peak).unwrap_or(0),
    }
}

/// A thread that ends frees memory when its account is gone: that is not counted, and nobody looks at it.
fn note(bytes: isize) {
    let noted = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        now.get()
    });
    if let Ok(now) = noted {
        let _is_gone = PEAK.try_with(|peak| peak.set(peak.get().max(now)));
    }
}

#[expect(unsafe_code, reason = "the trait of allocators is unsafe")]
// SAFETY: every call goes on to the system's allocator as it is; what is done beside it neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: the caller keeps the contract of the trait.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // Both may be there at once.
        note(bytes as isize);
        // SAFETY: as above.
        let moved = unsafe { System.realloc(place, layout, bytes) };
        note(-(layout.size() as isize));
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static COUNTED: Counting = Counting;

    #[test]
    fn the_most_that_was_held_at_once_is_counted_and_what_another_thread_takes_is_not() {
        let work = || {
            drop(vec![0_u8; 1_000]);
            std::thread::scope(|threads| {
                threads.spawn(|| drop(vec![1_u8; 1 << 20]));
            });
            let kept = vec![1_u8; 10_000];
            drop(vec![1_u8; 5_000]);
            kept.len()
        };
        let taken = taken(work);
        assert_eq!(taken.value, 10_000);
        assert!((15_000..30_000).contains(&taken.peak_bytes), "{taken:?}");
    }
}
