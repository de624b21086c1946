//! A conversion starts from a frozen message, which is plain data; the way back needs a way there.

use refit_abi::{Fault, MigrateBack, MigrateMessage, State, UpgradeBus};
use serde::{Deserialize, Serialize};

struct Frozen(u8);

#[derive(State, Serialize, Deserialize)]
struct Message(u8);

impl MigrateMessage for Message {
    type From = Frozen;

    fn migrate(old: Frozen) -> Result<Self, Fault> {
        Ok(Self(old.0))
    }
}

#[derive(State, Serialize, Deserialize)]
struct NoStepThere(u8);

impl MigrateBack for NoStepThere {
    fn migrate_back(new: &Self, _: &mut UpgradeBus<'_>) -> Result<u8, Fault> {
        Ok(new.0)
    }
}

fn main() {}
