//! The author forgot serde's derives.
use refit_abi::State;

#[derive(State)]
struct Kv {
    a: u64,
}

fn main() {}
