//! [`Table`]: a struct that crosses and may be longer on one side than on the other.

use abi_stable::StableAbi;
use std::mem::MaybeUninit;

/// A struct that begins with its size in bytes, so that it may grow at its end within one epoch.
///
/// # Safety
/// It is `repr(C)`. Its first field is a `usize`, or [`Table::First`] itself if it is longer than that. All bytes
/// past `First` may be zero: `Option<fn>`, numbers.
pub unsafe trait Table: Copy + 'static {
    /// The form that every table of this epoch has at least.
    type First: Table;
}

/// Most bytes of a table: far more than any has. A size beyond is no size.
pub const TABLE_BYTES_MAX: usize = 4_096;

/// A table of a size that no table of its epoch has: its writer is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a table has {found} bytes, in this abi epoch it has {least} to {TABLE_BYTES_MAX}, in whole words"
)]
pub struct WrongSize {
    /// Bytes it says it has.
    pub found: usize,
    /// Bytes of the first form.
    pub least: usize,
}

/// The size that a table says it has, if a table that begins with `F` may have it.
fn size<F: Table>(found: usize) -> Result<usize, WrongSize> {
    let least = size_of::<F>();
    let has_whole_words = found.is_multiple_of(size_of::<usize>());
    if has_whole_words && (least..=TABLE_BYTES_MAX).contains(&found) {
        return Ok(found);
    }
    Err(WrongSize { found, least })
}

/// Takes from a table what both sides know; what only this side knows is zero, thus `None`.
///
/// # Errors
/// [`WrongSize`].
///
/// # Safety
/// `at` points to a table that begins with `T::First` or, if it is broken, with its `size` at least; of as many
/// bytes as its size says, none of which changes during the call.
pub unsafe fn read<T: Table>(at: *const T::First) -> Result<T, WrongSize> {
    // SAFETY: the caller vouches for the size, which stands first (`Table`).
    let found = size::<T::First>(unsafe { at.cast::<usize>().read() })?;
    let mut table = MaybeUninit::<T>::zeroed();
    let common = found.min(size_of::<T>());
    // SAFETY: the caller vouches for `found` bytes at `at`, and `common` is at most that and the size of `T`; the
    // first form is copied whole, and past it zero is a value (each implementation of `Table` vouches).
    unsafe {
        std::ptr::copy_nonoverlapping(at.cast::<u8>(), table.as_mut_ptr().cast::<u8>(), common);
        Ok(table.assume_init())
    }
}

/// Gives a table to the other side, as much of it as `to` has room for.
///
/// # Errors
/// [`WrongSize`] if not even the first form fits: nothing is written.
///
/// # Safety
/// `to` points to as many writable bytes as the `size` there says.
pub unsafe fn write<T: Table>(table: &T, to: *mut T::First) -> Result<(), WrongSize> {
    // SAFETY: the caller vouches for the size, which stands first.
    let found = size::<T::First>(unsafe { to.cast::<usize>().read() })?;
    let common = found.min(size_of::<T>());
    // SAFETY: the caller vouches for `found` bytes at `to`; `common` is at most that and the size of `T`. What was
    // written there begins with its size again, which says how much of it there is.
    unsafe {
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(table).cast::<u8>(), to.cast(), common);
        to.cast::<usize>().write(common);
    }
    Ok(())
}

/// A table of a module that stays mapped, as a node of any revision of this epoch reads it.
#[repr(transparent)]
#[derive(Debug, StableAbi)]
pub struct TableRef<F> {
    at: *const F,
}

impl<F> Clone for TableRef<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for TableRef<F> {}

// SAFETY: it points to a `'static` table that nobody changes (`of` is its only maker, on either side).
unsafe impl<F> Send for TableRef<F> {}
// SAFETY: as above.
unsafe impl<F> Sync for TableRef<F> {}

impl<F: Table> TableRef<F> {
    /// Refers to a table.
    ///
    /// # Panics
    /// If the table says another size than its type has, while a module compiles.
    pub const fn of<T: Table<First = F>>(table: &'static T) -> Self {
        let at = std::ptr::from_ref(table);
        // SAFETY: the size comes first: each implementation of `Table` vouches for that.
        let says = unsafe { at.cast::<usize>().read() };
        assert!(says == size_of::<T>(), "a table says the size of its type");
        Self { at: at.cast() }
    }

    /// The part of the table that both sides know.
    ///
    /// # Errors
    /// [`WrongSize`].
    pub fn get<T: Table<First = F>>(self) -> Result<T, WrongSize> {
        // SAFETY: made only by `of`, on either side, so it points to a table that has the bytes it says, and lives as
        // long as its module is mapped; the loader of modules vouches that a root is used no longer than that.
        unsafe { read(self.at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct First {
        size: usize,
        answer: extern "C" fn() -> u32,
    }

    /// The same table in a later revision of the epoch.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Longer {
        first: First,
        later: Option<extern "C" fn() -> u32>,
        count: usize,
    }

    // SAFETY: `repr(C)`, begins with its size.
    unsafe impl Table for First {
        type First = Self;
    }
    // SAFETY: begins with the first form; past it zero is `None` and 0.
    unsafe impl Table for Longer {
        type First = First;
    }

    extern "C" fn one() -> u32 {
        1
    }
    extern "C" fn two() -> u32 {
        2
    }

    static SHORT: First = First {
        size: size_of::<First>(),
        answer: one,
    };
    static LONG: Longer = Longer {
        first: First {
            size: size_of::<Longer>(),
            answer: one,
        },
        later: Some(two),
        count: 7,
    };

    #[test]
    fn a_longer_and_a_shorter_table_of_one_epoch_are_both_taken() {
        // An older side reads a newer table: what it does not know is passed over.
        let read: First = TableRef::of(&LONG).get().unwrap();
        assert_eq!((read.answer)(), 1);
        // A newer side reads an older table: what is not there is `None`.
        let read: Longer = TableRef::of(&SHORT).get().unwrap();
        assert_eq!((read.first.answer)(), 1);
        assert_eq!((read.later.map(|later| later()), read.count), (None, 0));
        let read: Longer = TableRef::of(&LONG).get().unwrap();
        assert_eq!((read.later.map(|later| later()), read.count), (Some(2), 7));
    }

    #[test]
    fn a_table_of_a_size_that_none_has_is_refused() {
        let least = size_of::<First>();
        // Too short, too long, and with a half of a function at its end.
        for found in [0, least - 1, least + 1, TABLE_BYTES_MAX + 8, usize::MAX] {
            let refused = WrongSize { found, least };
            let mut broken = SHORT;
            broken.size = found;
            // SAFETY: it has its size at least, and nothing is read beside that.
            let taken = unsafe { read::<Longer>(&raw const broken) };
            assert_eq!(taken.err(), Some(refused));
            // SAFETY: as above; nothing is written.
            let written = unsafe { write(&SHORT, &raw mut broken) };
            assert_eq!((written, broken.size), (Err(refused), found));
        }
    }

    #[test]
    #[should_panic(expected = "the size of its type")]
    fn a_reference_to_a_table_that_says_more_than_it_has_is_not_made() {
        static LONGER_THAN_IT_IS: First = First {
            size: size_of::<Longer>(),
            answer: one,
        };
        TableRef::of(&LONGER_THAN_IT_IS);
    }

    #[test]
    fn a_table_is_written_as_far_as_there_is_room() {
        // A newer module writes for an older node.
        let mut room = SHORT;
        room.answer = two;
        // SAFETY: `room` has the bytes that it says.
        unsafe { write(&LONG, &raw mut room) }.unwrap();
        assert_eq!(((room.answer)(), room.size), (1, size_of::<First>()));
        // An older module for a newer node, which finds out by the size.
        let mut room = LONG;
        // SAFETY: as above; the pointer is to all of it.
        unsafe { write(&SHORT, (&raw mut room).cast()) }.unwrap();
        assert_eq!(room.first.size, size_of::<First>());
        // SAFETY: as above.
        let read: Longer = unsafe { read((&raw const room).cast()) }.unwrap();
        assert!(read.later.is_none());
    }
}
