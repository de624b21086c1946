//! Enums, tuples, units, recursive and generic types, and keys, in the state of one engine.
#![deny(warnings)]
use refit_abi::{Context, Deserialize, Engine, Fault, Migrate, Sender, Serialize, State, StateKey};
use std::collections::BTreeMap;

mod v1 {
    use super::*;

    #[derive(State, Serialize, Deserialize)]
    pub(crate) struct Kv {
        pub(crate) entries: BTreeMap<Key, u64>,
    }
}

#[derive(State, StateKey, Clone, Serialize, Deserialize)]
pub(crate) enum Key {
    Name(String),
    Number { value: u64 },
    Nothing,
}

#[derive(State, Serialize, Deserialize)]
pub(crate) enum Never {}

#[derive(State, Serialize, Deserialize)]
pub(crate) struct Unit;

#[derive(State, Serialize, Deserialize)]
pub(crate) struct Of<T>(Vec<T>, Option<Box<Self>>);

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Kv)]
pub(crate) struct Kv {
    entries: BTreeMap<Key, u64>,
    #[migrate(default)]
    never: Vec<Never>,
    #[migrate(default = (Unit, Of(Vec::new(), None)))]
    rest: (Unit, Of<u8>),
}

impl Engine for Kv {
    const KIND: &'static str = "kv";
    type Config = ();
    type Message = ();
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
        Err(Fault::new("no", ""))
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
        let keys = [
            Key::Name(String::new()),
            Key::Number { value: 1 },
            Key::Nothing,
        ];
        self.entries.extend(keys.map(|key| (key, 1)));
        Ok(())
    }

    fn query(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}
