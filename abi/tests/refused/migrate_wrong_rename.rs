//! A field renamed from one that is not there.
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
#[migrate(from = v1::Kv, drop(hits, misses, entries))]
struct Kv {
    #[migrate(rename = "entreis")]
    items: Vec<String>,
}

fn main() {}
