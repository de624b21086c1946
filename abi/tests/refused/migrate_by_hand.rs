//! Types that must be migrated by hand.
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
#[migrate(from = v1::Kv)]
struct Tuple(Vec<String>);

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv)]
enum Enum {
    A,
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv)]
struct Generic<T> {
    entries: T,
}

fn main() {}
