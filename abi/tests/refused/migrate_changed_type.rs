//! A moved field whose type changed.
use refit_abi::{Deserialize, Migrate, Serialize, State};

mod v1 {
    use refit_abi::{Deserialize, Serialize, State};

    #[derive(State, Serialize, Deserialize)]
    pub struct Kv {
        pub entries: Vec<String>,
        pub hits: u64,
        pub misses: u64,
    }
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv, drop(misses))]
struct Kv {
    entries: Vec<String>,
    hits: u128,
}

fn main() {}
