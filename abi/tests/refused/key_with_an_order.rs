//! `derive(StateKey)` writes the order: another one conflicts, derived or by hand.
use refit_abi::{Deserialize, Serialize, State, StateKey};
use std::cmp::Ordering;

#[derive(State, StateKey, PartialOrd, Ord, Serialize, Deserialize)]
struct Derived(u64);

#[derive(State, StateKey, Serialize, Deserialize)]
struct ByHand(u64);

impl Ord for ByHand {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.cmp(&self.0)
    }
}

fn main() {}
