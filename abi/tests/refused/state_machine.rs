//! Types that differ between machines, and those that the standard library may lay out differently in another build.
use refit_abi::State;
use std::collections::{BinaryHeap, LinkedList};
use std::ffi::OsString;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

#[derive(State)]
struct Floats {
    single: f32,
    double: f64,
}

#[derive(State)]
struct Clocks {
    instant: Instant,
    system_time: SystemTime,
    duration: Duration,
}

#[derive(State)]
struct Names(OsString, PathBuf);

#[derive(State)]
struct Containers {
    linked_list: LinkedList<u64>,
    binary_heap: BinaryHeap<u64>,
}

#[derive(State)]
struct Uncertain(ManuallyDrop<u64>, MaybeUninit<u64>);

fn main() {}
