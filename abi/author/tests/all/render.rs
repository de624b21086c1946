//! Rendered text. That it compiles to the same schema and layout, a test of the command line shows.

use crate::samples;
use refit_abi::schema::Type;
use refit_author::attributes::SerdeAttributes;
use refit_author::render::{Module, RenderError, Request, module};

fn render(name: &str, version: u32, ty: &Type, earlier: Vec<Module>) -> Module {
    let request = Request {
        version,
        kind: "kv",
        roots: vec![("state", ty)],
        earlier,
        serde: &SerdeAttributes::new(),
    };
    module(name, &request).unwrap()
}

#[test]
fn a_plain_state_is_written_as_an_author_would() {
    let module = render("v1", 1, &samples::first(), Vec::new());
    let (_, code) = module.text.split_once(")]\n\n").unwrap();
    assert_eq!(
        code,
        "\
use refit_abi::{Height, State};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `Kv` of version 1.
#[derive(Debug, Clone, PartialEq, State, Serialize, Deserialize)]
#[state(version = 1)]
pub struct Kv {
    pub entries: BTreeMap<String, String>,
    pub expiries: BTreeMap<Height, BTreeSet<String>>,
    pub hits: u32,
}
"
    );
    assert!(module.text.starts_with("//! Version 1's state of `kv`"));
    assert!(module.foreign.is_empty() && module.types[0].is_state);
}

#[test]
fn keys_odd_names_instances_of_generics_and_recursion_are_written() {
    let module = render("v1", 1, &samples::many_shapes(), Vec::new());
    for part in [
        // Keys, and what is inside them.
        "#[derive(Debug, Clone, State, StateKey, Serialize, Deserialize)]\npub enum Place {",
        "#[derive(Debug, Clone, State, StateKey, Serialize, Deserialize)]\npub struct Point {",
        "    At(u8, Point),",
        "    Named {\n        r#type: String,\n    },",
        "    Low = 3,\n    High = -7,",
        "#[state(name = \"an odd name\")]\npub struct AnOddName {",
        "    #[state(serde)]\n    pub rate: f64,",
        "    #[state(float)]\n    pub weights: BTreeMap<u8, (Vec<f64>, Option<f32>)>,",
        "pub struct Entry(pub u8, pub Option<Box<Entry>>);",
        "    pub pairs: (Pair, Pair2),",
        "#[state(name = \"Pair\")]\npub struct Pair2 {",
        "    pub b: ([u8; 3],),",
        "#[state(name = \"Sized<4>\")]\npub struct Sized4 {",
        "    pub bytes: Result<Box<[u8]>, ()>,",
        "pub struct Unit;",
    ] {
        assert!(module.text.contains(part), "no `{part}` in {}", module.text);
    }
    // A leaf by itself has another description than one inside of a tree.
    assert!(
        module.text.contains("pub struct Leaf2 {"),
        "{}",
        module.text
    );
}

#[test]
fn what_an_earlier_version_froze_is_taken_from_there() {
    let old = render("v2", 2, &samples::second(), Vec::new());
    let new = render("v3", 3, &samples::second(), vec![old]);
    assert!(
        new.text.contains("pub use super::v2::Versioned;"),
        "{}",
        new.text
    );
    assert!(!new.text.contains("pub struct Versioned"), "{}", new.text);
    assert!(new.text.contains("pub struct Kv {"), "{}", new.text);
}

#[test]
fn what_is_not_rust_is_refused_by_name() {
    let scalar = |name: &str| Type::Scalar {
        name: name.to_owned(),
        shape: refit_abi::schema::Shape::default(),
    };
    let request = |ty: &Type| {
        let request = Request {
            version: 1,
            kind: "kv",
            roots: vec![("state", ty)],
            earlier: Vec::new(),
            serde: &SerdeAttributes::new(),
        };
        module("v1", &request)
    };
    assert!(matches!(
        request(&scalar("u64")),
        Err(RenderError::NotDerived { .. })
    ));
    let Type::Struct {
        name,
        version,
        mut fields,
        shape,
    } = samples::first()
    else {
        panic!("a struct");
    };
    fields[0].ty = scalar("f128");
    let ty = Type::Struct {
        name,
        version,
        fields,
        shape,
    };
    assert_eq!(
        request(&ty),
        Err(RenderError::Unknown {
            name: "f128".to_owned()
        })
    );
}

#[test]
fn names_for_json_stand_above_what_they_name() {
    let serde = [
        ("Place", "rename_all = \"snake_case\""),
        ("Place.At", "alias = \"in\""),
        ("Place.Named.type", "default"),
        ("Point.x", "rename = \"X\""),
        ("Point", "default, deny_unknown_fields"),
        ("Tree.leaf", "default"),
        ("Shapes.leaf", "rename = \"a, b\", default"),
        ("Shapes.text", "default"),
    ];
    let serde = serde.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let ty = samples::many_shapes();
    let request = Request {
        version: 1,
        kind: "kv",
        roots: vec![("state", &ty)],
        earlier: Vec::new(),
        serde: &SerdeAttributes::from(serde),
    };
    let module = module("v1", &request).unwrap();
    for part in [
        "#[serde(rename_all = \"snake_case\")]\npub enum Place {",
        "    #[serde(alias = \"in\")]\n    At(u8, Point),",
        "        #[serde(default)]\n        r#type: String,",
        "    #[serde(rename = \"X\")]\n    pub x: i64,",
        "#[serde(deny_unknown_fields)]\npub struct Point {",
        "    #[serde(default)]\n    pub leaf: Option<Leaf>,",
        "    #[serde(rename = \"a, b\")]\n    pub leaf: Leaf",
        "    #[serde(default)]\n    pub text: Box<str>,",
    ] {
        assert!(module.text.contains(part), "no `{part}` in {}", module.text);
    }
    let mut left_out = module.without_default;
    left_out.sort();
    assert_eq!(left_out, ["Point", "Shapes.leaf"]);
}
