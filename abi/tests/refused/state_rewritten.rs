//! Macros below the derive that change the type after it was read.
use refit_abi::{Deserialize, Serialize, State};
use refit_abi_rewriters::{add_a_field, add_a_variant, change_a_type};

/// Points into the library that made it, behind serde's traits by hand.
pub struct Label(&'static str);

impl Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <()>::deserialize(from).map(|()| Label("a text of this library"))
    }
}

/// Seen by its path, which no derive's helper has.
#[derive(State)]
#[refit_abi_rewriters::add_a_field]
#[derive(Serialize, Deserialize)]
struct ByPath {
    count: u64,
}

#[derive(State)]
#[add_a_field]
#[derive(Serialize, Deserialize)]
struct ByName {
    count: u64,
}

/// Passed off as another derive's helper.
#[derive(State)]
#[state(helpers(add_a_field))]
#[add_a_field]
#[derive(Serialize, Deserialize)]
struct Longer {
    count: u64,
}

#[derive(State)]
#[state(helpers(change_a_type))]
#[change_a_type]
#[derive(Serialize, Deserialize)]
struct Retyped {
    count: u64,
}

#[derive(State)]
#[state(helpers(add_a_variant))]
#[add_a_variant]
#[derive(Serialize, Deserialize)]
enum More {
    One(u64),
}

/// Below it, the derive sees the field, which must be a state.
#[add_a_field]
#[derive(State, Serialize, Deserialize)]
struct Above {
    count: u64,
}

fn main() {}
