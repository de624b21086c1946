//! `pthread_key_create`, `pthread_key_delete` and C11's names for them: every key is counted, and those of
//! a library can be reclaimed.
//!
//! A key is of the library that its destructor lies in. Where that is the C library's, as `free` is, or
//! where there is none, it is of the library that keeps the key: C keeps it in a static variable.

use super::super::keys::{self, Destructor, NOBODY, NewKey};
use super::{Next, StandIn, library_at};
use libc::{c_int, pthread_key_t};
use std::mem::transmute;

type KeyCreate = unsafe extern "C" fn(*mut pthread_key_t, Option<Destructor>) -> c_int;
type KeyDelete = unsafe extern "C" fn(pthread_key_t) -> c_int;
type TssDelete = unsafe extern "C" fn(pthread_key_t);

/// C11's `thrd_error`, as glibc has it.
const THRD_ERROR: c_int = 2;

static KEY_CREATE: Next = Next::new(c"pthread_key_create");
static KEY_DELETE: Next = Next::new(c"pthread_key_delete");
static TSS_CREATE: Next = Next::new(c"tss_create");
static TSS_DELETE: Next = Next::new(c"tss_delete");

/// The functions of this file.
pub(super) fn stand_ins() -> [StandIn; 4] {
    [
        StandIn::new(&KEY_CREATE, pthread_key_create as *const ()),
        StandIn::new(&KEY_DELETE, pthread_key_delete as *const ()),
        StandIn::new(&TSS_CREATE, tss_create as *const ()),
        StandIn::new(&TSS_DELETE, tss_delete as *const ()),
    ]
}

/// Makes a key and notes whose it is.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_create(
    key: *mut pthread_key_t,
    destructor: Option<Destructor>,
) -> c_int {
    // SAFETY: the stand-in's caller gave a place for a key, and keeps the real function's rules.
    unsafe { create(&KEY_CREATE, key, destructor) }.map_or_else(|status| status, |()| 0)
}

/// Makes a key and notes whose it is. In glibc a `tss_t` is a key of pthread.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tss_create(
    key: *mut pthread_key_t,
    destructor: Option<Destructor>,
) -> c_int {
    // SAFETY: the stand-in's caller gave a place for a key, and keeps the real function's rules.
    unsafe { create(&TSS_CREATE, key, destructor) }.map_or_else(|_| THRD_ERROR, |()| 0)
}

/// # Safety
/// `key` is a place for a key, and `next` names a function that makes one.
unsafe fn create(
    next: &Next,
    key: *mut pthread_key_t,
    destructor: Option<Destructor>,
) -> Result<(), c_int> {
    let next = next.address();
    if next == 0 {
        return Err(libc::EAGAIN);
    }
    // SAFETY: the address of the C library's function of this name, which has this type (caller).
    let real = unsafe { transmute::<usize, KeyCreate>(next) };
    let by_destructor = destructor.and_then(|destructor| library_at(destructor as usize));
    let is_libc = |owner: &usize| library_at(next) == Some(*owner);
    let by_destructor = by_destructor.filter(|owner| !is_libc(owner));
    let owner = by_destructor.or_else(|| library_at(key as usize));
    let new = NewKey {
        owner: owner.unwrap_or(NOBODY),
        destructor,
        watched: by_destructor.is_some(),
    };
    keys::create(new, |destructor| {
        // SAFETY: as the caller gave it; the destructor is the caller's or the one that stands in for it.
        match unsafe { real(key, destructor) } {
            // SAFETY: the real function succeeded, so it wrote the key.
            0 => Ok(unsafe { *key }),
            status => Err(status),
        }
    })
}

/// Deletes a key and forgets whose it was.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_delete(key: pthread_key_t) -> c_int {
    let next = KEY_DELETE.address();
    if next == 0 {
        return libc::EINVAL;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, KeyDelete>(next) };
    // SAFETY: the stand-in's caller keeps the real function's rules.
    keys::remove(key, || unsafe { real(key) })
}

/// Deletes a key and forgets whose it was.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tss_delete(key: pthread_key_t) {
    let next = TSS_DELETE.address();
    if next != 0 {
        // SAFETY: the address of the C library's function of this name, which has this type.
        let real = unsafe { transmute::<usize, TssDelete>(next) };
        // SAFETY: the stand-in's caller keeps the real function's rules.
        keys::remove(key, || unsafe { real(key) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::program;
    use super::*;
    use libc::c_void;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_key_is_counted_until_it_is_deleted() {
        unsafe extern "C" fn destructor(_: *mut c_void) {}
        let mut key = 0;
        // SAFETY: a key with a destructor of this program, deleted below.
        let made = unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) };
        assert_eq!(made, 0);
        assert!(keys::of(NOBODY).contains(&key));
        assert!(keys::in_use(program()).own > 0);
        // SAFETY: made above.
        let deleted = unsafe { libc::pthread_key_delete(key) };
        assert_eq!(deleted, 0);
        assert!(!keys::of(NOBODY).contains(&key));
    }

    #[test]
    fn a_destructor_that_was_taken_away_is_not_called_and_its_number_stays_until_it_is_deleted() {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        static KEY: AtomicU32 = AtomicU32::new(0);
        unsafe extern "C" fn destructor(_: *mut c_void) {
            CALLS.fetch_add(1, Ordering::SeqCst);
        }
        let owner = 0x5000;
        let real = |destructor| {
            // SAFETY: the address of the C library's function of this name, which has this type.
            let real = unsafe { transmute::<usize, KeyCreate>(KEY_CREATE.address()) };
            let mut key = 0;
            // SAFETY: a place for a key, and the destructor that stands in for ours.
            assert_eq!(unsafe { real(&raw mut key, destructor) }, 0);
            KEY.store(key, Ordering::SeqCst);
            Ok(key)
        };
        let new = NewKey {
            owner,
            destructor: Some(destructor),
            watched: true,
        };
        keys::create(new, real).unwrap();
        let use_it = || {
            let thread = std::thread::spawn(|| {
                // SAFETY: a key that is there; the value is only looked at for being null or not.
                let set = unsafe {
                    libc::pthread_setspecific(KEY.load(Ordering::SeqCst), (&raw const CALLS).cast())
                };
                assert_eq!(set, 0);
            });
            thread.join().unwrap();
            CALLS.load(Ordering::SeqCst)
        };
        assert_eq!(use_it(), 1);
        let condemned = keys::condemn(owner);
        assert!(!condemned.is_running());
        assert!(keys::of(owner).is_empty(), "another library may come there");
        assert_eq!(use_it(), 1);
        assert_eq!(keys::delete(condemned), 1);
    }
}
