//! Types that no derive knows by name: the trait's own note speaks.
use refit_abi::{Deserialize, Serialize, State};

type Alias = std::collections::HashMap<u64, u64>;

#[derive(Serialize, Deserialize)]
struct NotDerived {
    a: u64,
}

#[derive(State, Serialize, Deserialize)]
struct Kv {
    alias: Alias,
    inner: Vec<NotDerived>,
}

fn main() {}
