//! `#[state(float)]` where no float is, on a key, in a type of the author's own, and with another meaning.
use refit_abi::State;
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(State)]
struct NoFloat {
    #[state(float)]
    count: u64,
    #[state(float)]
    #[state(serde)]
    both: f64,
}

#[derive(State)]
struct Keys {
    #[state(float)]
    map: BTreeMap<(u8, f64), u64>,
    #[state(float)]
    set: Option<BTreeSet<f32>>,
}

#[derive(State)]
struct Inside {
    #[state(float)]
    own: Vec<Point<f64>>,
    #[state(float)]
    beside: (f64, HashMap<u8, u8>),
}

struct Point<T>(T);

fn main() {}
