//! Only plain data crosses the bus; only an engine is started there, with its own configuration.

use refit_abi::{EngineId, Fault, UpgradeBus};
use std::collections::HashMap;

struct NoEngine;

fn sends_what_is_no_state(bus: &mut UpgradeBus<'_>, to: EngineId) -> Result<(), Fault> {
    Ok(bus.send(to, &HashMap::from([(1_u8, 2_u8)]))?)
}

fn reads_what_is_no_state(bus: &mut UpgradeBus<'_>, from: EngineId) -> Result<(), Fault> {
    let _: std::rc::Rc<u8> = bus.read(from, &1_u8)?;
    Ok(())
}

fn starts_what_is_no_engine(bus: &mut UpgradeBus<'_>) -> Result<EngineId, Fault> {
    Ok(bus.spawn::<NoEngine>(&())?)
}

fn main() {}
