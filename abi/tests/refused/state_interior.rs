//! Types that change behind a shared reference.
use refit_abi::State;
use std::cell::{Cell, LazyCell, OnceCell, RefCell, UnsafeCell};
use std::sync::atomic::{AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize};
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{LazyLock, Mutex, OnceLock, RwLock};

#[derive(State)]
struct Cells {
    cell: Cell<u64>,
    ref_cell: RefCell<u64>,
    unsafe_cell: UnsafeCell<u64>,
    once_cell: OnceCell<u64>,
    lazy_cell: LazyCell<u64>,
}

#[derive(State)]
struct Locks {
    mutex: Mutex<u64>,
    rw_lock: RwLock<u64>,
    once_lock: OnceLock<u64>,
    lazy_lock: LazyLock<u64>,
}

#[derive(State)]
struct Atomics(
    AtomicBool,
    AtomicU8,
    AtomicU16,
    AtomicU32,
    AtomicU64,
    AtomicUsize,
);

#[derive(State)]
struct SignedAtomics(AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize);

fn main() {}
