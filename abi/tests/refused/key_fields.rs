//! Each field of a key is a key.
use refit_abi::{Deserialize, Serialize, State, StateKey};

#[derive(State, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct NoKey(u64);

#[derive(State, StateKey, Serialize, Deserialize)]
struct Key {
    id: u64,
    inner: NoKey,
}

fn main() {}
