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
//! A thread that ends may be stopped after the C library has read which destructor to call, and before it calls
//! it: then it calls ours of a place whose key is gone by then, with a value of that key. While no other key has
//! the place, nothing comes of it. So a place rests before it is used again: at least [`REST_KEYS`] keys are made
//! meanwhile, each by a library that was loaded for it or by a call of its own.
//!
//! The table is written inside `pthread_key_create`, where nothing may allocate.

mod stand_ins;

use libc::{c_int, c_void, pthread_key_t};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that a process can have: glibc's PTHREAD_KEYS_MAX.
pub const KEYS_MAX: usize = 1024;

/// Keys that are made before the place of one that is gone is another's.
pub const REST_KEYS: usize = 1024;

/// Places of keys. There is always one that has rested.
const PLACES: usize = KEYS_MAX + REST_KEYS;

pub(super) type Destructor = unsafe extern "C" fn(*mut c_void);

/// The owner of a key that nobody in particular made.
pub(super) const NOBODY: usize = 0;

/// One key that there is.
#[derive(Clone, Copy, Debug)]
struct Record {
    key: pthread_key_t,
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

/// The place of a key in the table, now or before.
#[derive(Clone, Copy, Debug)]
struct Place {
    record: Option<Record>,
    /// The serial of the key that was made last when the one here was forgotten.
    freed: u64,
    /// Whose destructor may be running here, of the key or of the last one.
    owner: Owner,
}

#[derive(Debug)]
struct Table {
    places: [Place; PLACES],
    next_serial: u64,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    places: [Place {
        record: None,
        freed: 0,
        owner: Owner::At(NOBODY),
    }; PLACES],
    next_serial: 1,
});

/// The table is whole between any two calls, so a panic elsewhere does not spoil it.
fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing of the table changes while this is held.
#[must_use = "it is held as long as this is"]
pub(super) fn still() -> impl Sized {
    table()
}

impl Table {
    /// The free place that has rested longest, of those that no thread is inside of.
    fn rested(&self) -> Option<usize> {
        let is_free =
            |place: &usize| self.places[*place].record.is_none() && !stand_ins::is_running(*place);
        let free = (0..PLACES).filter(is_free);
        free.min_by_key(|place| self.places[*place].freed)
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.places.iter().filter_map(|place| place.record.as_ref())
    }

    /// Forgets the key at a place, which rests from then on.
    fn forget(&mut self, place: usize) {
        self.places[place].record = None;
        self.places[place].freed = self.next_serial;
        stand_ins::take_away(place);
    }
}

/// A key that is to be made.
pub(super) struct NewKey {
    /// Where the object that makes it begins.
    pub(super) owner: usize,
    pub(super) destructor: Option<Destructor>,
    /// Whether the destructor can be taken away later.
    pub(super) watched: bool,
}

/// Makes a key with `real`, which is given the destructor to make it with, and notes whose it is.
pub(super) fn create(
    NewKey {
        owner,
        destructor,
        watched,
    }: NewKey,
    real: impl FnOnce(Option<Destructor>) -> Result<pthread_key_t, c_int>,
) -> Result<(), c_int> {
    let mut table = table();
    let Some(place) = table.rested() else {
        return Err(libc::EAGAIN);
    };
    let ours = destructor
        .filter(|_| watched)
        .and_then(|destructor| stand_ins::of(place, destructor));
    let key = real(ours.or(destructor)).inspect_err(|_| {
        stand_ins::take_away(place);
    })?;
    let serial = table.next_serial;
    table.next_serial += 1;
    let owner = Owner::At(owner);
    table.places[place].owner = owner;
    table.places[place].record = Some(Record { key, serial });
    Ok(())
}

/// Deletes a key with `real`, and forgets it.
pub(super) fn remove<T>(key: pthread_key_t, real: impl FnOnce() -> T) -> T {
    let mut table = table();
    let is_it = |place: &Place| place.record.is_some_and(|record| record.key == key);
    if let Some(place) = table.places.iter().position(is_it) {
        table.forget(place);
    }
    // Under the lock: another thread may be given the number as soon as it is free.
    real()
}

/// The keys of the object at `owner`.
pub fn of(owner: usize) -> Vec<u32> {
    let table = table();
    let owned = table.places.iter();
    owned
        .filter(|place| place.owner == Owner::At(owner))
        .filter_map(|place| Some(place.record?.key))
        .collect()
}

/// Counts of the keys in use.
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
    let all = table.records().count();
    let is_own = |place: &&Place| {
        let is_ours = [Owner::At(program), Owner::At(NOBODY)].contains(&place.owner);
        place.record.is_some() && is_ours
    };
    let own = table.places.iter().filter(is_own).count();
    KeysInUse {
        own,
        of_libraries: all - own,
    }
}

/// Keys whose destructors were taken away and whose numbers are still in use, and the places of those that
/// were deleted before.
#[derive(Debug, Default)]
#[must_use = "they stay in use until they are deleted"]
pub struct Condemned {
    keys: Vec<CondemnedKey>,
    places: Vec<usize>,
}

/// A key by its place, and its serial number there: the place may have been given to another since.
#[derive(Clone, Copy, Debug)]
struct CondemnedKey {
    place: usize,
    serial: u64,
}

impl Condemned {
    /// Adds those of another round.
    pub fn extend(&mut self, more: Self) {
        self.keys.extend(more.keys);
        self.places.extend(more.places);
    }

    /// Whether a thread that ends is inside one of their destructors.
    pub fn is_running(&self) -> bool {
        let mut places = self.places.iter();
        places.any(|place| stand_ins::is_running(*place))
    }
}

/// Takes the destructors of the keys of the object at `owner` away. A thread that was about to call one
/// may be inside still: see [`Condemned::is_running`].
///
/// A key whose destructor is the C library's (`free`) keeps it: that calls no code of the object.
pub fn condemn(owner: usize) -> Condemned {
    let (mut table, mut condemned) = (table(), Condemned::default());
    if owner == NOBODY {
        return condemned;
    }
    for (number, place) in table.places.iter_mut().enumerate() {
        if place.owner == Owner::At(owner) {
            place.owner = Owner::Condemned;
            stand_ins::take_away(number);
            // Also where the library has deleted the key itself: a thread may be inside its destructor still.
            condemned.places.push(number);
            let key = place.record.map(|record| CondemnedKey {
                place: number,
                serial: record.serial,
            });
            condemned.keys.extend(key);
        }
    }
    condemned
}

/// Deletes condemned keys; says how many there were. One that its library deleted itself is gone already.
///
/// To be called when their library is unmapped: its code would go by their numbers.
pub fn delete(condemned: Condemned) -> usize {
    let keys: Vec<_> = {
        let table = table();
        let key = |CondemnedKey { place, serial }| {
            let record = table.places[place].record;
            let record = record.filter(|record| record.serial == serial)?;
            Some(record.key)
        };
        condemned.keys.into_iter().filter_map(key).collect()
    };
    for key in &keys {
        // SAFETY: a key that this process made and that the table still had as this library's, which is
        // unmapped, so that nobody uses or deletes it. This goes through our own stand-in.
        unsafe { libc::pthread_key_delete(*key) };
    }
    keys.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Makes a key that the C library knows nothing of; gives the destructor that it would be given.
    fn pretend(number: pthread_key_t, owner: usize, destructor: Destructor) -> Destructor {
        let mut given = None;
        let real = |destructor| {
            given = destructor;
            Ok(number)
        };
        let key = NewKey {
            owner,
            destructor: Some(destructor),
            watched: true,
        };
        create(key, real).unwrap();
        given.unwrap()
    }

    /// More than any key of the C library.
    const FIRST: pthread_key_t = 1 << 20;

    #[test]
    fn a_thread_that_calls_the_destructor_of_a_key_that_is_gone_calls_no_other_keys() {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        unsafe extern "C" fn count(_: *mut c_void) {
            CALLS.fetch_add(1, Ordering::SeqCst);
        }
        // The C library has read this one, and the thread stands still before it calls it.
        let late = pretend(FIRST, 0x6000, count);
        // SAFETY: a stand-in of this program, for a destructor that takes any value.
        unsafe { late(null_mut()) };
        assert_eq!(CALLS.swap(0, Ordering::SeqCst), 1);
        remove(FIRST, || ());
        for number in FIRST..FIRST + REST_KEYS as pthread_key_t {
            pretend(number, 0x6000, count);
            // SAFETY: as above.
            unsafe { late(null_mut()) };
            assert_eq!(CALLS.load(Ordering::SeqCst), 0, "{}", number - FIRST);
            remove(number, || ());
        }
    }

    #[test]
    fn who_is_inside_the_destructor_of_a_key_is_seen_when_its_library_has_deleted_the_key() {
        static BARRIER: std::sync::Barrier = std::sync::Barrier::new(2);
        unsafe extern "C" fn wait(_: *mut c_void) {
            BARRIER.wait();
            BARRIER.wait();
        }
        let number = FIRST + (1 << 16);
        let destructor = pretend(number, 0x7000, wait);
        // SAFETY: a stand-in of this program, for a destructor that takes any value.
        let thread = std::thread::spawn(move || unsafe { destructor(null_mut()) });
        BARRIER.wait();
        remove(number, || ());
        let condemned = condemn(0x7000);
        assert!(condemned.is_running());
        BARRIER.wait();
        thread.join().unwrap();
        assert!(!condemned.is_running());
        assert_eq!(delete(condemned), 0, "it is deleted already");
    }
}
