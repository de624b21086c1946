//! Handlers of upgrade messages are an engine's, and may fail.

use refit_abi::{EngineId, OnUpgrade, State, UpgradeBus};
use serde::{Deserialize, Serialize};

#[derive(State, Serialize, Deserialize)]
struct NoEngine;

impl OnUpgrade for NoEngine {
    type Upgrade = u64;

    fn on_upgrade(&mut self, _: &mut UpgradeBus<'_>, _: EngineId, _: u64) {}
}

fn main() {}
