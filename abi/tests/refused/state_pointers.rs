//! Pointers: into the library that made them, or into its code.
use refit_abi::State;
use std::borrow::Cow;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::AtomicPtr;
use std::sync::{Arc, Weak};

#[derive(State)]
struct Shared {
    rc: Rc<u64>,
    arc: Arc<str>,
    weak: Weak<u64>,
    cow: Cow<'static, str>,
}

#[derive(State)]
struct Borrowed {
    text: &'static str,
    slice: &'static [u64],
    raw: *const u64,
    non_null: NonNull<u64>,
    atomic: AtomicPtr<u64>,
}

#[derive(State)]
enum Code {
    Dyn(Box<dyn Fn()>),
    Function(fn(u64) -> u64),
    CFunction(extern "C" fn()),
}

fn main() {}
