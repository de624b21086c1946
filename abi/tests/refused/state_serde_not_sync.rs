//! `#[state(serde)]` admits any type that is written and read, and may be sent and shared.
use refit_abi::{Deserialize, Serialize, State};
use std::cell::Cell;

#[derive(Serialize, Deserialize)]
struct Inside(Cell<u64>);

#[derive(State, Serialize, Deserialize)]
struct Kv {
    #[state(serde)]
    a: Inside,
}

fn main() {}
