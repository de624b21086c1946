//! A field that crosses as bytes must have an order: a hash map is written in another one after each reading.

use refit_abi::State;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

#[derive(State, Serialize, Deserialize)]
struct Index {
    #[state(serde)]
    by_name: HashMap<String, u64>,
    #[state(serde)]
    groups: Vec<Option<HashSet<u64>>>,
    #[state(serde)]
    by_its_path: (u64, std::collections::HashMap<u64, u64>),
}

fn main() {}
