//! Hash maps and sets: their order is no order.
use refit_abi::State;
use std::collections::{HashMap, HashSet};

mod indexmap {
    pub struct IndexMap<K, V>(pub Vec<(K, V)>);
    pub struct IndexSet<K>(pub Vec<K>);
}

#[derive(State)]
struct Maps {
    hash_map: HashMap<u64, u64>,
    index_map: indexmap::IndexMap<u64, u64>,
    by_its_path: std::collections::HashMap<u64, u64>,
}

#[derive(State)]
struct Sets(HashSet<u64>, indexmap::IndexSet<u64>);

fn main() {}
