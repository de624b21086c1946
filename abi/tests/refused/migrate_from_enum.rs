//! The older state is an enum.
use refit_abi::{Deserialize, Migrate, Serialize, State};

mod v1 {
    use refit_abi::{Deserialize, Serialize, State};

    #[derive(State, Serialize, Deserialize)]
    pub enum Kv {
        Empty,
    }
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv)]
struct Kv {
    #[migrate(default)]
    entries: Vec<String>,
}

fn main() {}
