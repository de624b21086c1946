//! The steps that are proposed.

use crate::samples;
use refit_abi::schema::Type;
use refit_abi::{Deserialize, Serialize, State};
use refit_author::attributes::SerdeAttributes;
use refit_author::render::{self, Module, Request};
use refit_author::stub::{Step, carried_message, next, step};

/// `state` as it is frozen in the module `name`.
fn frozen(name: &str, state: &Type) -> Module {
    let serde = SerdeAttributes::default();
    let request = Request {
        version: 1,
        kind: "kv",
        roots: vec![("state", state)],
        earlier: Vec::new(),
        serde: &serde,
    };
    render::module(name, &request).unwrap()
}

#[test]
fn the_step_says_for_each_field_what_becomes_of_it() {
    let (old, new) = (samples::first(), samples::second());
    let stub = step(&Step {
        from: &frozen("v1", &old),
        old: &old,
        new: &new,
        version: 2,
    });
    assert_eq!(
        stub,
        "\
pub mod v1; // in src/lib.rs

use refit_abi::{Fault, Migrate, State, UpgradeBus};

#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = crate::v1::Kv, drop(entries, hits))]
pub struct Kv {
    /// Was `BTreeMap<String, String>`.
    #[migrate(with = entries_from_v1)]
    entries: BTreeMap<String, Versioned>,
    expiries: BTreeMap<Height, BTreeSet<String>>, // moves over
    #[migrate(default)]
    revision: u64,
}

fn entries_from_v1(
    old: &crate::v1::Kv,
    bus: &mut UpgradeBus<'_>,
) -> Result<BTreeMap<String, Versioned>, Fault> {
    Err(Fault::new(\"not-written\", \"make it from `old`\"))
}
"
    );
}

#[test]
fn a_field_of_an_own_type_moves_only_with_the_frozen_type() {
    let second = samples::second();
    let stub = next(&frozen("v2", &second), &second);
    assert!(stub.contains("#[state(version = 3)]"), "{stub}");
    assert!(stub.contains("pub use crate::v2::Versioned;"), "{stub}");
    assert!(stub.contains("revision: u64, // moves over"), "{stub}");
}

#[test]
fn what_has_no_field_names_is_migrated_by_hand() {
    let tuple = samples::described::<samples::Tuple>();
    let stub = next(&frozen("v1", &tuple), &tuple);
    assert!(stub.contains("impl Migrate for Tuple {"), "{stub}");
    assert!(stub.contains("type From = crate::v1::Tuple;"), "{stub}");
}

#[derive(State, Serialize, Deserialize)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(State, Serialize, Deserialize)]
struct Shelf {
    numbers: Page<u64>,
    names: Option<Page<String>>,
}

#[test]
fn two_instances_of_one_generic_type_have_the_names_of_the_frozen_module() {
    let shelf = samples::described::<Shelf>();
    let stub = next(&frozen("v1", &shelf), &shelf);
    assert!(stub.contains("pub use crate::v1::{Page, Page2};"), "{stub}");
    assert!(stub.contains("numbers: Page, // moves over"), "{stub}");
    assert!(
        stub.contains("names: Option<Page2>, // moves over"),
        "{stub}"
    );
}

#[test]
fn a_conversion_of_messages_is_carried_to_the_frozen_type() {
    let (old, new) = (samples::first(), samples::second());
    let carried = carried_message("v1", &old, &new);
    assert!(
        carried.starts_with("impl MigrateMessage for Kv {"),
        "{carried}"
    );
    assert!(carried.contains("type From = super::v1::Kv;"), "{carried}");
}
