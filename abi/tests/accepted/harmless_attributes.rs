//! Attributes that change JSON alone, attributes that change nothing, and those of other derives.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]
use refit_abi::{Deserialize, Serialize, State};
use refit_abi_rewriters::Named;

#[derive(State, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    crate = "refit_abi_serde"
)]
#[state(name = "kv", version = 3)]
#[must_use]
#[doc = "Documented."]
#[rustfmt::skip]
#[cfg_attr(all(), allow(dead_code, reason = "an attribute with a text"))]
struct Kv {
    #[serde(rename = "n", alias = "number", default)]
    number: u64,
    r#type: String,
}

#[derive(State, Serialize, Deserialize, Named)]
#[serde(transparent)]
#[state(helpers(named))]
#[named]
struct Name(String);

#[derive(State, Serialize, Deserialize)]
enum Colour {
    Red = 1,
    #[serde(rename = "g")]
    Green = 3,
    Blue,
}

extern crate serde as refit_abi_serde;

#[test]
fn compiles_and_gives_what_the_host_asks_for() {
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
