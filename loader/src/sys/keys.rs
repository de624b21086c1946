//! Which library made which thread-local key of pthread, and the end of those keys.
//!
//! A process has 1,024 keys, and the standard library inside each engine takes one the first time a
//! thread asks who it is, and never gives it back. Without reclaiming them a node would abort near
//! its thousandth generation.
//!
//! A key goes in two steps. [`condemn`] takes its destructor away: no thread's end calls into the library
//! from then on. [`delete`] gives its number back, and is called only when the library is gone: as long
//! as code of it could run, that code goes by the number, which must not be another's by then. To be able
//! to take a destructor away, the C library is given one of ours in its place, one for each
//! place of the table.
//!
//! The table is written inside `pthread_key_create`, where nothing may allocate.

use libc::{c_int, c_void, pthread_key_t};
use std::mem::transmute;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that a process can have: glibc's PTHREAD_KEYS_MAX.
pub const KEYS_MAX: usize = 1024;

pub(super) type Destructor = unsafe extern "C" fn(*mut c_void);

/// The owner of a key that nobody in particular made.
pub(super) const NOBODY: usize = 0;

/// One key that there is.
#[derive(Clone, Copy, Debug)]
struct Record {
    key: pthread_key_t,
    owner: Owner,
    /// Tells it from every other one there ever was.
    serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The object that begins here.
    At(usize),
    /// A library that is being unmapped: another one may come to its address.
    Condemned,
}

#[derive(Debug)]
struct Table {
    places: [Option<Record>; KEYS_MAX],
    next_serial: u64,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    places: [None; KEYS_MAX],
    next_serial: 1,
});

/// What our destructor of each place calls; 0 for nothing.
static DESTRUCTORS: [AtomicUsize; KEYS_MAX] = [const { AtomicUsize::new(0) }; KEYS_MAX];

/// Threads that are inside the destructor of each place.
static INSIDE: [AtomicUsize; KEYS_MAX] = [const { AtomicUsize::new(0) }; KEYS_MAX];

/// The table is whole between any two calls, so a panic elsewhere does not spoil it.
fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a key with `real`, which is given the destructor to make it with, and notes whose it is.
/// A destructor that is `watched` can be taken away later.
pub(super) fn create(
    (owner, destructor, watched): (usize, Option<Destructor>, bool),
    real: impl FnOnce(Option<Destructor>) -> Result<pthread_key_t, c_int>,
) -> Result<(), c_int> {
    let mut table = table();
    let Some(place) = table.places.iter().position(Option::is_none) else {
        return Err(libc::EAGAIN);
    };
    let ours = destructor.filter(|_| watched).and_then(|destructor| {
        DESTRUCTORS[place].store(destructor as usize, Ordering::SeqCst);
        STAND_INS.as_flattened().get(place).copied()
    });
    let key = real(ours.or(destructor)).inspect_err(|_| {
        DESTRUCTORS[place].store(0, Ordering::SeqCst);
    })?;
    let serial = table.next_serial;
    table.next_serial += 1;
    table.places[place] = Some(Record {
        key,
        owner: Owner::At(owner),
        serial,
    });
    Ok(())
}

/// Deletes a key with `real`, and forgets it.
pub(super) fn remove<T>(key: pthread_key_t, real: impl FnOnce() -> T) -> T {
    let mut table = table();
    let is_it = |record: &Option<Record>| record.is_some_and(|record| record.key == key);
    if let Some(place) = table.places.iter().position(is_it) {
        table.places[place] = None;
        DESTRUCTORS[place].store(0, Ordering::SeqCst);
    }
    // Under the lock: another thread may be given the number as soon as it is free.
    real()
}

/// The keys of the object at `owner`.
pub fn of(owner: usize) -> Vec<u32> {
    let table = table();
    let owned = table.places.iter().flatten();
    owned
        .filter(|record| record.owner == Owner::At(owner))
        .map(|record| record.key)
        .collect()
}

/// How many keys there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysInUse {
    /// Keys of the object that was named, of the C library's callers and of nobody in particular.
    pub own: usize,
    /// Keys of all other objects: of libraries that were loaded.
    pub of_libraries: usize,
}

/// Counts the keys; `program` is where the program itself begins.
pub fn in_use(program: usize) -> KeysInUse {
    let table = table();
    let all = table.places.iter().flatten().count();
    let is_own =
        |record: &&Record| record.owner == Owner::At(program) || record.owner == Owner::At(NOBODY);
    let own = table.places.iter().flatten().filter(is_own).count();
    KeysInUse {
        own,
        of_libraries: all - own,
    }
}

/// Keys whose destructors were taken away and whose numbers are still in use.
#[derive(Debug, Default)]
#[must_use = "they stay in use until they are deleted"]
pub struct Condemned(Vec<(usize, u64)>);

impl Condemned {
    /// Adds those of another round.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Whether a thread that ends is inside one of their destructors.
    pub fn is_running(&self) -> bool {
        let mut places = self.0.iter();
        places.any(|(place, _)| INSIDE[*place].load(Ordering::SeqCst) > 0)
    }
}

/// Takes the destructors of the keys of the object at `owner` away. A thread that was about to call one
/// may be inside still: see [`Condemned::is_running`].
///
/// A key whose destructor is the C library's (`free`) keeps it: that calls no code of the object.
pub fn condemn(owner: usize) -> Condemned {
    let mut table = table();
    let mut condemned = Vec::new();
    for (place, record) in table.places.iter_mut().enumerate() {
        let Some(record) = record.as_mut() else {
            continue;
        };
        if record.owner == Owner::At(owner) && owner != NOBODY {
            record.owner = Owner::Condemned;
            DESTRUCTORS[place].store(0, Ordering::SeqCst);
            condemned.push((place, record.serial));
        }
    }
    Condemned(condemned)
}

/// Deletes condemned keys; says how many there were. One that its library deleted itself is gone already.
///
/// To be called when their library is unmapped: its code would go by their numbers.
pub fn delete(condemned: Condemned) -> usize {
    let keys: Vec<_> = {
        let table = table();
        let key = |(place, serial): (usize, u64)| {
            let record = table.places[place].filter(|record| record.serial == serial)?;
            Some(record.key)
        };
        condemned.0.into_iter().filter_map(key).collect()
    };
    for key in &keys {
        // SAFETY: a key that this process made and that the table still had as this library's, which is
        // unmapped, so that nobody uses or deletes it. This goes through our own stand-in.
        unsafe { libc::pthread_key_delete(*key) };
    }
    keys.len()
}

/// What the C library calls at a thread's end, for the key at one place.
unsafe extern "C" fn stand_in<const ROW: usize, const COLUMN: usize>(value: *mut c_void) {
    let place = ROW * COLUMNS + COLUMN;
    INSIDE[place].fetch_add(1, Ordering::SeqCst);
    let destructor = DESTRUCTORS[place].load(Ordering::SeqCst);
    if destructor != 0 {
        // SAFETY: `create` stored the address of a `Destructor`. Its library stays mapped: whoever unmaps
        // it takes the destructor away first, and waits until nobody is inside (`Condemned::is_running`).
        let destructor = unsafe { transmute::<usize, Destructor>(destructor) };
        // SAFETY: the value that this thread has for the key, as the C library gives it.
        unsafe { destructor(value) };
    }
    INSIDE[place].fetch_sub(1, Ordering::SeqCst);
}

const COLUMNS: usize = 32;

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
        static STAND_INS: [[Destructor; COLUMNS]; KEYS_MAX / COLUMNS] = [$(Row::<$row>::STAND_INS),*];
    };
}

columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
