//! The traits that memory safety rests on are not implemented by hand, nor are their hidden parts.
#![forbid(unsafe_code)]
use refit_abi::schema::{Describer, SchemaId, Type};
use refit_abi::{Deserialize, Fault, Migrate, Serialize, State, Step, UpgradeBus};
use std::collections::HashMap;

/// The derive has no `HashMap`; so the trait would be written for a type of one's own.
#[derive(Serialize, Deserialize)]
struct Table(HashMap<String, u64>);

impl State for Table {
    fn describe(_: &mut Describer) -> Type {
        <u64 as State>::describe(&mut Describer::default())
    }
}

// SAFETY: none. `forbid(unsafe_code)` takes the derive's code, but none of the author's, as this is.
#[derive(Serialize, Deserialize)]
struct Unsafe(HashMap<String, u64>);
// SAFETY: nobody guarantees it, and it does not compile.
unsafe impl State for Unsafe {
    fn describe(_: &mut Describer) -> Type {
        <u64 as State>::describe(&mut Describer::default())
    }
    fn schema_id() -> SchemaId {
        u64::schema_id()
    }
}

mod v1 {
    use super::*;

    #[derive(State, Serialize, Deserialize)]
    pub struct Over {
        pub count: u64,
    }
}

#[derive(State, Serialize, Deserialize)]
struct Over {
    text: String,
}

#[derive(State, Serialize, Deserialize)]
struct Other {
    a: u64,
    b: u64,
    c: u64,
}

impl Migrate for Other {
    type From = v1::Over;
    fn migrate(old: &v1::Over, _: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        Ok(Self { a: 16, b: old.count, c: 12 })
    }
}

/// A step to another type.
impl Migrate for Over {
    type From = v1::Over;
    fn migrate(_: &v1::Over, _: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        Ok(Self { text: String::new() })
    }
    fn step() -> Step<Self> {
        Step::<Other>::by_hand()
    }
}

fn main() {}
