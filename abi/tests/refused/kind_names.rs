//! A kind has a name that may stand in a file's name, a log and a metric, and no other engine of its module has it.

use refit_abi::{Context, Engine, Fault, Sender, State};
use serde::{Deserialize, Serialize};

macro_rules! engine {
    ($name:ident, $kind:literal) => {
        #[derive(State, Serialize, Deserialize)]
        pub struct $name;

        impl Engine for $name {
            const KIND: &'static str = $kind;
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
    };
}
engine!(Empty, "");
engine!(Upper, "Bad Kind");
engine!(Away, "../../etc/x");
engine!(Long, "a-kind-with-more-than-thirty-two-b");
engine!(Sum, "sum");
engine!(Other, "sum");

mod names {
    refit_abi::export_engines!(crate::Empty, crate::Upper, crate::Away, crate::Long);
}

mod twice {
    refit_abi::export_engines!(crate::Sum, crate::Other);
}

fn main() {}
