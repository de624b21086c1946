//! The older struct's fields cannot be seen from here.
use refit_abi::{Deserialize, Migrate, Serialize, State};

mod v1 {
    use refit_abi::{Deserialize, Serialize, State};

    #[derive(State, Serialize, Deserialize)]
    pub struct Kv {
        entries: Vec<String>,
    }
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv)]
struct Kv {
    entries: Vec<String>,
}

fn main() {}
