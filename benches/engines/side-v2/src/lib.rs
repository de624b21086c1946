//! `side`, version 2: a small engine whose code is replaced while `table` is carried.

use bench_rows::side::{Config, Count};
use refit_abi::{Context, Engine, Fault, Sender, State};
use serde::{Deserialize, Serialize};

/// Counts its messages.
#[derive(Debug, State, Serialize, Deserialize)]
pub struct Side {
    count: u64,
}

/// Which version this code is.
const VERSION: u32 = 2;

impl Engine for Side {
    const KIND: &'static str = "side";
    type Config = Config;
    type Message = ();
    type Reply = Count;
    type Query = ();
    type Answer = Count;

    fn init(_: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self { count: 0 })
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<Count, Fault> {
        self.count += 1;
        self.query(())
    }

    fn query(&self, (): ()) -> Result<Count, Fault> {
        Ok(Count {
            version: VERSION,
            count: self.count,
        })
    }
}

refit_abi::export_engines!(Side);
