//! Defaults that are none: no such value, another type, the old state, a way out.
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

#[derive(State, Serialize, Deserialize)]
struct NoDefault(u64);

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv, drop(hits, misses))]
struct Kv {
    entries: Vec<String>,
    #[migrate(default)]
    none: NoDefault,
    #[migrate(default = "seven")]
    text: u64,
    #[migrate(default = old.hits)]
    from_old: u64,
    #[migrate(default = None?)]
    early: u64,
}

fn main() {}
