//! Tests what `derive(State)` promises of the two hashes: the schema hash changes with each change of
//! meaning and with nothing else, the layout hash with each change of memory.

use refit_abi::schema::{Describer, SchemaId, Type};
use refit_abi::{Deserialize, Serialize, State, StateKey};
use std::collections::{BTreeMap, VecDeque};

/// Gives `id()` of the type `Kv` that each module declares.
macro_rules! states {
    ($($(#[$doc:meta])* $name:ident { $($item:item)+ })+) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;
            $($item)+
            pub(super) fn id() -> SchemaId {
                Kv::schema_id()
            }
        }
    )+};
}

states! {
    base {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<String>, count: u64, flag: bool }
    }
    /// Nothing that matters differs.
    embellished {
        /// Documented, with visible fields, more derives, other JSON names, and a method.
        #[derive(Clone, Debug, PartialEq, State, Serialize, Deserialize)]
        #[serde(rename_all = "UPPERCASE")]
        pub(super) struct Kv {
            #[serde(alias = "rows", default)]
            pub entries: std::vec::Vec<std::string::String>,
            /// A number of something.
            pub(crate) count: u64,
            flag: bool,
        }
        impl Kv {
            #[allow(dead_code, reason = "a method does not change the hash")]
            fn len(&self) -> u64 { self.count }
        }
    }
    explicit_name {
        #[derive(State, Serialize, Deserialize)]
        #[state(name = "Kv")]
        pub(super) struct Store { entries: Vec<String>, count: u64, flag: bool }
        pub(super) type Kv = Store;
    }
    other_name {
        #[derive(State, Serialize, Deserialize)]
        #[state(name = "store")]
        pub(super) struct Kv { entries: Vec<String>, count: u64, flag: bool }
    }
    other_version {
        #[derive(State, Serialize, Deserialize)]
        #[state(version = 1)]
        pub(super) struct Kv { entries: Vec<String>, count: u64, flag: bool }
    }
    renamed_field {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<String>, number: u64, flag: bool }
    }
    reordered {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<String>, flag: bool, count: u64 }
    }
    retyped {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<String>, count: i64, flag: bool }
    }
    retyped_inside {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<Box<str>>, count: u64, flag: bool }
    }
    longer {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<String>, count: u64, flag: bool, unit: () }
    }
    shorter {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<String>, count: u64 }
    }
    as_bytes {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv { entries: Vec<String>, #[state(serde)] count: u64, flag: bool }
    }
    tuple {
        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Kv(Vec<String>, u64, bool);
    }
}

states! {
    colours {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Red, Green(u8), Blue { deep: bool } }
    }
    colours_reordered {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Green(u8), Red, Blue { deep: bool } }
    }
    colours_renamed {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Rouge, Green(u8), Blue { deep: bool } }
    }
    colours_retyped {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Red, Green(i8), Blue { deep: bool } }
    }
    colours_with_renamed_field {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Red, Green(u8), Blue { dark: bool } }
    }
    colours_longer {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Red, Green(u8), Blue { deep: bool }, Grey }
    }
    plain {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Red, Green }
    }
    numbered {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Red = 1, Green = 2 }
    }
    numbered_otherwise {
        #[derive(State, Serialize, Deserialize)]
        pub(super) enum Kv { Red = 1, Green = 3 }
    }
}

#[test]
fn what_does_not_change_the_meaning_keeps_the_schema_hash() {
    for same in [embellished::id(), explicit_name::id()] {
        assert_eq!(base::id(), same);
    }
    assert_eq!(plain::id(), numbered::id());
    assert_eq!(base::Kv::layout_id(), embellished::Kv::layout_id());
}

#[test]
fn each_change_of_meaning_gives_another_schema_hash() {
    let ids = [
        base::id(),
        other_name::id(),
        other_version::id(),
        renamed_field::id(),
        reordered::id(),
        retyped::id(),
        retyped_inside::id(),
        longer::id(),
        shorter::id(),
        as_bytes::id(),
        tuple::id(),
        colours::id(),
        colours_reordered::id(),
        colours_renamed::id(),
        colours_retyped::id(),
        colours_with_renamed_field::id(),
        colours_longer::id(),
        plain::id(),
    ];
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(
            ids.iter().position(|other| other == id),
            Some(index),
            "{index} repeats another"
        );
    }
}

#[test]
fn what_changes_memory_alone_changes_the_layout_hash_alone() {
    assert_ne!(plain::Kv::layout_id(), numbered::Kv::layout_id());
    assert_ne!(
        numbered::Kv::layout_id(),
        numbered_otherwise::Kv::layout_id()
    );
    assert_eq!(numbered::id(), numbered_otherwise::id());
}

#[derive(State, Serialize, Deserialize)]
struct Offsets {
    small: u8,
    large: u128,
    r#type: u16,
}

#[test]
fn a_structs_description_has_the_true_names_offsets_and_shape() {
    let Type::Struct {
        name,
        version,
        fields,
        shape,
    } = described::<Offsets>()
    else {
        panic!("a struct is described as one");
    };
    assert_eq!((name.as_str(), version), ("Offsets", 0));
    let found: Vec<_> = fields
        .iter()
        .map(|f| (f.name.as_str(), f.offset as usize))
        .collect();
    let wanted = [
        ("small", std::mem::offset_of!(Offsets, small)),
        ("large", std::mem::offset_of!(Offsets, large)),
        ("type", std::mem::offset_of!(Offsets, r#type)),
    ];
    assert_eq!(found, wanted);
    let (size, align) = (size_of::<Offsets>() as u64, align_of::<Offsets>() as u64);
    assert_eq!((shape.size, shape.align), (size, align));
}

#[derive(State, Serialize, Deserialize)]
struct Tree {
    value: u64,
    children: Vec<Tree>,
}

mod inner {
    use super::*;

    /// Has the name of what holds it.
    #[derive(State, Serialize, Deserialize)]
    pub(super) struct Node {
        pub(super) up: Option<Box<super::Node>>,
        pub(super) level: Vec<Node>,
    }

    /// The same, but for which `Node` stands where.
    #[derive(State, Serialize, Deserialize)]
    #[state(name = "Node")]
    pub(super) struct Swapped {
        pub(super) up: Option<Box<Swapped>>,
        pub(super) level: Vec<super::OverSwapped>,
    }
}

#[derive(State, Serialize, Deserialize)]
struct Node {
    inner: Option<Box<inner::Node>>,
}

#[derive(State, Serialize, Deserialize)]
#[state(name = "Node")]
struct OverSwapped {
    inner: Option<Box<inner::Swapped>>,
}

#[test]
fn a_recursive_type_is_described_to_the_point_where_it_repeats() {
    let Type::Struct { fields, .. } = described::<Tree>() else {
        panic!("a struct")
    };
    let Type::Container { arguments, .. } = &fields[1].ty else {
        panic!("a vector")
    };
    assert_eq!(
        arguments[..],
        [Type::Recursion {
            name: "Tree".to_owned(),
            levels: 0
        }]
    );
}

#[test]
fn two_types_of_one_name_are_not_taken_for_each_other() {
    assert_ne!(Node::schema_id(), OverSwapped::schema_id());
}

#[derive(State, Serialize, Deserialize)]
struct Of<T> {
    value: T,
}

#[derive(State, Serialize, Deserialize)]
struct Scaled<const DIGITS: u32>(u64);

#[test]
fn each_instantiation_of_a_generic_type_has_its_own_schema() {
    assert_ne!(Of::<u8>::schema_id(), Of::<u16>::schema_id());
    assert_ne!(Of::<Of<u8>>::schema_id(), Of::<u8>::schema_id());
    assert_eq!(Of::<Vec<u8>>::schema_id(), Of::<Vec<u8>>::schema_id());
    assert_ne!(Scaled::<2>::schema_id(), Scaled::<3>::schema_id());
}

#[derive(State, Serialize, Deserialize)]
struct Outside {
    inside: Vec<Foreign>,
}

#[derive(State, Serialize, Deserialize)]
enum Foreign {
    Map(#[state(serde)] VecDeque<(String, Vec<(u8, f64)>)>),
}

#[test]
fn a_serde_field_is_known_by_the_text_of_its_type_and_bars_crossing_by_pointer() {
    assert!(described::<Outside>().has_serde_field());
    let Type::Enum { variants, .. } = described::<Foreign>() else {
        panic!("an enum")
    };
    let Type::Serde { name, .. } = &variants[0].fields[0].ty else {
        panic!("a field that crosses as bytes")
    };
    assert_eq!(name, "VecDeque<(String,Vec<(u8,f64)>)>");
}

mod numbers {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(super) struct Cache(u64);

    #[derive(State, Serialize, Deserialize)]
    pub(super) struct Owner {
        #[state(serde)]
        cache: Cache,
    }
}

mod texts {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(super) struct Cache(Box<u64>);

    #[derive(State, Serialize, Deserialize)]
    pub(super) struct Owner {
        #[state(serde)]
        cache: Cache,
    }
}

#[test]
fn two_serde_types_of_one_text_in_one_module_have_two_layout_hashes() {
    assert_eq!(numbers::Owner::schema_id(), texts::Owner::schema_id());
    assert_ne!(numbers::Owner::layout_id(), texts::Owner::layout_id());
    assert_eq!(numbers::Owner::layout_id(), numbers::Owner::layout_id());
}

#[test]
fn a_type_of_this_crate_shows_its_size() {
    let shape = |ty| match ty {
        Type::Scalar { shape, .. } => (shape.size, shape.align),
        other => panic!("a scalar, not {other:?}"),
    };
    assert_eq!(shape(described::<refit_abi::EngineId>()), (16, 1));
    assert_eq!(shape(described::<refit_abi::Height>()), (8, 8));
}

mod floats {
    use super::*;

    macro_rules! weights {
        ($($name:ident: $of:ty;)*) => {$(
            #[derive(State, Serialize, Deserialize)]
            #[state(name = "Weights")]
            pub(super) struct $name {
                #[state(float)]
                weights: BTreeMap<u8, (Vec<$of>, Option<[$of; 2]>)>,
            }
        )*};
    }
    weights! {
        Single: f32;
        Double: f64;
        DoubleAgain: f64;
    }
}

#[test]
fn a_float_is_a_scalar_of_the_schema_and_of_the_layout() {
    use floats::{Double, DoubleAgain, Single};
    assert_eq!(described::<Double>(), described::<DoubleAgain>());
    assert_eq!(Double::layout_id(), DoubleAgain::layout_id());
    assert_ne!(Double::schema_id(), Single::schema_id());
    assert!(!described::<Double>().has_serde_field() && Double::nature().floats);
    let Type::Struct { fields, .. } = described::<Double>() else {
        panic!("a struct")
    };
    let Type::Container { arguments, .. } = &fields[0].ty else {
        panic!("a map")
    };
    // Each container around a float is described as the same one around a type of the list.
    let text = |ty: &Type| format!("{ty:?}").replace("f64", "u64");
    assert_eq!(
        text(&arguments[1]),
        text(&described::<(Vec<u64>, Option<[u64; 2]>)>())
    );
}

#[test]
fn the_stored_hash_is_the_computed_one() {
    assert_eq!(Tree::schema_id(), described::<Tree>().schema_id());
    assert_eq!(Tree::schema_id(), Tree::schema_id());
}

#[derive(State, StateKey, Serialize, Deserialize)]
struct Id(u64);

#[test]
fn a_description_survives_postcard() {
    type Whole = BTreeMap<Id, (Tree, Vec<Foreign>, Of<Scaled<2>>)>;
    let whole = described::<Whole>();
    let bytes = postcard::to_stdvec(&whole).unwrap();
    let read: Type = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read, whole);
    assert_eq!(read.schema_id(), Whole::schema_id());
}

fn described<T: State>() -> Type {
    T::describe(&mut Describer::default())
}
