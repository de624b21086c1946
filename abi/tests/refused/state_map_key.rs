//! The key of a map has an order that no author wrote.
use refit_abi::{Deserialize, Serialize, State};
use std::collections::{BTreeMap, BTreeSet};

#[derive(State, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key(u64);

#[derive(State, Serialize, Deserialize)]
struct Kv {
    map: BTreeMap<Key, u64>,
    set: BTreeSet<Vec<Key>>,
}

fn main() {}
