//! Which library made which thread-local key of pthread.
//!
//! A process has 1,024 keys, and the standard library inside each engine takes one the first time a
//! thread asks who it is, and never gives it back. Without reclaiming them a node would abort near
//! its thousandth generation. The table is fixed and atomic: it is written inside
//! `pthread_key_create`, where nothing may allocate.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Keys that a process can have: glibc's PTHREAD_KEYS_MAX.
pub const KEYS_MAX: usize = 1024;

/// The base address of each key's owner; 0 for none.
static OWNERS: [AtomicUsize; KEYS_MAX] = [const { AtomicUsize::new(0) }; KEYS_MAX];

/// Remembers who made a key: the object that holds its destructor.
pub(super) fn created(key: u32, owner: usize) {
    if let Some(slot) = OWNERS.get(key as usize) {
        slot.store(owner, Ordering::Release);
    }
}

/// Forgets a key. Called before it is really deleted, after which another thread may get its number.
pub(super) fn deleted(key: u32) {
    if let Some(slot) = OWNERS.get(key as usize) {
        slot.store(0, Ordering::Release);
    }
}

/// The keys of the object at `owner`.
pub fn of(owner: usize) -> Vec<u32> {
    let owned = |slot: &AtomicUsize| owner != 0 && slot.load(Ordering::Acquire) == owner;
    (0u32..)
        .zip(&OWNERS)
        .filter(|(_, slot)| owned(slot))
        .map(|(key, _)| key)
        .collect()
}

/// Deletes the keys of the object at `owner`, so that no thread's end calls into it; says how many.
///
/// # Safety
/// No code of that object runs any more, and none will.
pub unsafe fn reclaim(owner: usize) -> usize {
    let keys = of(owner);
    for key in &keys {
        // SAFETY: a key that this process made and did not delete; its owner does not use it again
        // (caller). This goes through our own interposer, which forgets it first.
        unsafe { libc::pthread_key_delete(*key) };
    }
    keys.len()
}
