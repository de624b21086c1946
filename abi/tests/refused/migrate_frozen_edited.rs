//! A frozen type that was edited by hand no longer fits the step that starts from it.

use refit_abi::{Fault, Migrate, State, UpgradeBus};
use serde::{Deserialize, Serialize};

mod v1 {
    /// `kept` was once a `u64`, and `dropped` was not there.
    #[derive(refit_abi::State, serde::Serialize, serde::Deserialize)]
    #[state(version = 1)]
    pub struct Sum {
        pub kept: u32,
        pub dropped: u8,
    }
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Sum)]
struct Sum {
    kept: u64,
    #[migrate(with = fresh)]
    fresh: u64,
}

fn fresh(old: &v1::Sum, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
    Ok(old.was_there)
}

fn main() {}
