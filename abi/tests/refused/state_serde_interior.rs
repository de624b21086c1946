//! A field that crosses as bytes may be of any serde type, but not of one that changes behind a shared reference.

use refit_abi::State;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, RwLock};

#[derive(State, Serialize, Deserialize)]
struct Hits {
    #[state(serde)]
    hits: AtomicU64,
    #[state(serde)]
    log: Vec<Mutex<String>>,
    #[state(serde)]
    pair: (u64, Option<RwLock<u64>>),
}

fn main() {}
