//! A function of another shape than a field needs.
use refit_abi::{Deserialize, Fault, Migrate, Serialize, State, UpgradeBus};

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
#[migrate(from = v1::Kv, drop(hits, misses))]
struct Kv {
    entries: Vec<String>,
    #[migrate(with = too_simple)]
    reads: u64,
    #[migrate(with = wrong_type)]
    writes: u64,
}

fn too_simple(old: &v1::Kv) -> u64 {
    old.hits + old.misses
}

fn wrong_type(old: &v1::Kv, _: &mut UpgradeBus<'_>) -> Result<String, Fault> {
    Ok(old.hits.to_string())
}

fn main() {}
