//! Attributes that change JSON alone, and `repr`s of structs.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]
use refit_abi::{Deserialize, Serialize, State};

#[derive(State, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    crate = "refit_abi_serde"
)]
#[state(name = "kv", version = 3)]
#[repr(C, align(16))]
struct Kv {
    #[serde(rename = "n", alias = "number", default)]
    number: u64,
    r#type: String,
}

#[derive(State, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
struct Name(String);

#[derive(State, Serialize, Deserialize)]
enum Colour {
    Red = 1,
    #[serde(rename = "g")]
    Green = 3,
    Blue,
}

extern crate serde as refit_abi_serde;

fn main() {
    let _ = (Kv::schema_id(), Name::schema_id(), Colour::schema_id());
    let _ = (
        Kv {
            number: 1,
            r#type: String::new(),
        },
        Name(String::new()),
    );
    let _ = (Colour::Red, Colour::Green, Colour::Blue);
}
