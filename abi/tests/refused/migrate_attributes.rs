//! The attributes on the struct and its fields contradict each other.
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
struct NoFrom {
    entries: Vec<String>,
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv, form = v1::Kv)]
struct UnknownOnStruct {
    entries: Vec<String>,
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv)]
struct OnFields {
    #[migrate(defualt)]
    unknown: u64,
    #[migrate(default, rename = "hits")]
    two: u64,
    #[migrate(rename = "not a name")]
    nameless: u64,
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv, drop(hits, misses, misses))]
struct Doubles {
    entries: Vec<String>,
    hits: u64,
    #[migrate(rename = "entries")]
    again: Vec<String>,
}

fn main() {}
