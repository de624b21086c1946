//! Capabilities are named, not spelled; kinds are texts.

use refit_abi::{Capability, Context, Engine, Fault, Sender, State};
use serde::{Deserialize, Serialize};

#[derive(State, Serialize, Deserialize)]
struct Sum;

impl Engine for Sum {
    const KIND: &'static str = "sum";
    const AFTER: &'static [&'static str] = &[Sum];
    const NEEDS: &'static [Capability] = &["other"];
    type Config = ();
    type Message = ();
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
        Ok(())
    }

    fn query(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}

fn main() {}
