//! A transition whose author writes `Migrate::step` by hand, and gives another step each time it is asked.

use crate::host::id;
use refit_abi::derived::Rest;
use refit_abi::host::{Bus, Module, Settled};
use refit_abi::{
    Assemble, Context, Deserialize, Engine, Fault, Fields, Height, Migrate, Sender, Serialize,
    State, Step, UpgradeBus,
};
use std::sync::atomic::{AtomicBool, Ordering};

mod v1 {
    use refit_abi::{Deserialize, Serialize, State};

    #[derive(State, Serialize, Deserialize)]
    pub(super) struct Wavers {
        pub(super) n: u64,
    }
}

#[derive(State, Serialize, Deserialize)]
struct Wavers {
    n: u64,
    text: String,
}

impl Migrate for Wavers {
    type From = v1::Wavers;

    fn migrate(old: &v1::Wavers, _: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        let (n, text) = (old.n, "text".to_owned());
        Ok(Self { n, text })
    }

    fn step() -> Step<Self> {
        static BY_HAND: AtomicBool = AtomicBool::new(false);
        if BY_HAND.fetch_xor(true, Ordering::SeqCst) {
            return Step::by_hand();
        }
        Step::assembled(Fields {
            defaulted: &["text"],
            ..Fields::default()
        })
    }
}

impl Assemble for Wavers {
    type Fresh = String;

    fn defaults() -> Option<String> {
        Some("text".to_owned())
    }

    fn prepare(_: &v1::Wavers, _: &mut UpgradeBus<'_>) -> Result<String, Fault> {
        Ok("text".to_owned())
    }

    fn assemble(old: v1::Wavers, text: String, _: &mut Rest) -> Self {
        Self { n: old.n, text }
    }

    fn may_drop_fresh(_: &String) -> bool {
        true
    }
}

impl Engine for Wavers {
    const KIND: &'static str = "wavers";
    type Config = u64;
    type Message = ();
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn init(n: u64, _: &mut Context<'_>) -> Result<Self, Fault> {
        let text = String::new();
        Ok(Self { n, text })
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
        Ok(())
    }

    fn query(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}

refit_abi::export_engines!(Wavers);

/// A bus with nobody on it.
struct Alone;

impl Bus for Alone {
    fn cancelled(&self) -> bool {
        false
    }

    fn log(&mut self, _: u8, _: &str) {}
}

#[test]
fn a_step_that_is_another_each_time_it_is_asked_for_is_one_step_to_the_node() {
    let module = Module::linked(module()).unwrap();
    let kind = module.kind("wavers").unwrap();
    let from = kind.descriptor().migrations[0].from_schema;
    let steps = [0, 1].map(|_| kind.migration_from_schema(from).unwrap());
    assert_eq!(steps[0].defaults_only(), steps[1].defaults_only());
    let old = steps[0].decode_old(&[7]).unwrap();
    // What one prepares, the other settles.
    let prepared = steps[0].prepare(id(), Height(1), &old, &mut Alone).unwrap();
    let Ok(Some(Settled { state: new, rest })) = steps[1].settle(old, prepared) else {
        panic!("it settles");
    };
    rest.into_iter()
        .for_each(|rest| steps[0].discard_rest(rest));
    let mut bytes = Vec::new();
    kind.encode(&new, &mut bytes).unwrap();
    assert_eq!(bytes, b"\x07\x04text");
    kind.discard(new).unwrap();
}
