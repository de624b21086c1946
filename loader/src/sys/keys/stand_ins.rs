//! Functions that the C library is given in a destructor's place: one for each place of the table, which calls the
//! destructor that is noted there, if there is one.

use super::{Destructor, PLACES};
use libc::c_void;
use std::mem::transmute;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The address of the destructor for each place; 0 for none.
static DESTRUCTORS: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

/// Threads that are inside the destructor of each place.
static INSIDE: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

/// The function of a place, which calls `destructor` from now on.
pub(super) fn of(place: usize, destructor: Destructor) -> Option<Destructor> {
    let stand_in = STAND_INS.as_flattened().get(place).copied()?;
    DESTRUCTORS[place].store(destructor as usize, Ordering::SeqCst);
    Some(stand_in)
}

/// From now on the place's function calls nothing. A thread may be inside the destructor still.
pub(super) fn take_away(place: usize) {
    DESTRUCTORS[place].store(0, Ordering::SeqCst);
}

/// Whether a thread is inside the place's destructor.
pub(super) fn is_running(place: usize) -> bool {
    INSIDE[place].load(Ordering::SeqCst) > 0
}

/// Called by the C library at a thread's end, for the key at one place.
unsafe extern "C" fn stand_in<const ROW: usize, const COLUMN: usize>(value: *mut c_void) {
    let place = ROW * COLUMNS + COLUMN;
    INSIDE[place].fetch_add(1, Ordering::SeqCst);
    let destructor = DESTRUCTORS[place].load(Ordering::SeqCst);
    if destructor != 0 {
        // SAFETY: `of` stored the address of a `Destructor`. Its library stays mapped: whoever unmaps
        // it takes the destructor away first, and waits until nobody is inside (`Condemned::is_running`).
        let destructor = unsafe { transmute::<usize, Destructor>(destructor) };
        // SAFETY: the value that this thread has for the key, as the C library gives it.
        unsafe { destructor(value) };
    }
    INSIDE[place].fetch_sub(1, Ordering::SeqCst);
}

const COLUMNS: usize = 64;

/// The destructors of one row of places.
struct Row<const ROW: usize>;

macro_rules! columns {
    ($($column:literal)*) => {
        impl<const ROW: usize> Row<ROW> {
            const STAND_INS: [Destructor; COLUMNS] = [$(stand_in::<ROW, $column>),*];
        }
    };
}

macro_rules! rows {
    ($($row:literal)*) => {
        /// Our destructor of each place.
        static STAND_INS: [[Destructor; COLUMNS]; PLACES / COLUMNS] = [$(Row::<$row>::STAND_INS),*];
    };
}

columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
