//! Every type of the closed list goes through postcard and JSON and comes back as it was, whatever
//! its value.

use proptest::collection::{btree_map, btree_set, vec, vec_deque};
use proptest::option;
use proptest::prelude::*;
use refit_abi::{
    BlockHash, BlockTime, ClientId, Deserialize, EngineId, Generation, Height, Serialize, State,
    StateKey,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;

/// Longest generated collection, in elements.
const ELEMENTS_MAX: usize = 6;

#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scalars {
    unsigned: (u8, u16, u32, u64, u128),
    signed: (i8, i16, i32, i64, i128),
    sizes: (usize, isize),
    others: (bool, char, String, ()),
    boxed: (Box<str>, Box<[u16]>, Box<u64>),
}

#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ids {
    engine: EngineId,
    client: ClientId,
    height: Height,
    time: BlockTime,
    hash: BlockHash,
    generation: Generation,
}

#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Containers {
    vector: Vec<Scalars>,
    deque: VecDeque<Option<u8>>,
    map: BTreeMap<Key, Result<u32, String>>,
    set: BTreeSet<(u8, String)>,
    array: [Shape; 3],
    empty: [u8; 0],
    unit: PhantomData<u64>,
    long: [u8; 32],
    eight: (u8, u8, u8, u8, u8, u8, u8, u8),
}

#[derive(State, StateKey, Clone, Debug, Serialize, Deserialize)]
struct Key {
    name: String,
    place: Option<[i32; 2]>,
}

#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u32),
    Rectangle { width: u32, height: u32 },
    Group(Vec<Shape>),
}

#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything(Scalars, Ids, Containers, Marker);

fn scalars() -> impl Strategy<Value = Scalars> {
    let others = (any::<bool>(), any::<char>(), any::<String>(), Just(()));
    let boxed = (
        any::<String>(),
        vec(any::<u16>(), 0..ELEMENTS_MAX),
        any::<u64>(),
    );
    (
        any::<(u8, u16, u32, u64, u128)>(),
        any::<(i8, i16, i32, i64, i128)>(),
        any::<(usize, isize)>(),
        others,
        boxed,
    )
        .prop_map(
            |(unsigned, signed, sizes, others, (text, slice, number))| Scalars {
                unsigned,
                signed,
                sizes,
                others,
                boxed: (text.into(), slice.into(), Box::new(number)),
            },
        )
}

fn ids() -> impl Strategy<Value = Ids> {
    any::<([u8; 16], [u8; 16], u64, u64, [u8; 32], u64)>().prop_map(
        |(engine, client, height, time, hash, generation)| Ids {
            engine: EngineId::from_bytes(engine),
            client: ClientId::from_bytes(client),
            height: Height(height),
            time: BlockTime(time),
            hash: BlockHash(hash),
            generation: Generation(generation),
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Point),
        any::<u32>().prop_map(Shape::Circle),
        any::<(u32, u32)>().prop_map(|(width, height)| Shape::Rectangle { width, height }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| vec(inner, 0..3).prop_map(Shape::Group))
}

fn containers() -> impl Strategy<Value = Containers> {
    let key = (any::<String>(), option::of(any::<[i32; 2]>()));
    let key = key.prop_map(|(name, place)| Key { name, place });
    let result = prop_oneof![any::<u32>().prop_map(Ok), any::<String>().prop_map(Err)];
    (
        vec(scalars(), 0..ELEMENTS_MAX),
        vec_deque(option::of(any::<u8>()), 0..ELEMENTS_MAX),
        btree_map(key, result, 0..ELEMENTS_MAX),
        btree_set(any::<(u8, String)>(), 0..ELEMENTS_MAX),
        [shape(), shape(), shape()],
        any::<[u8; 32]>(),
        any::<(u8, u8, u8, u8, u8, u8, u8, u8)>(),
    )
        .prop_map(|(vector, deque, map, set, array, long, eight)| Containers {
            vector,
            deque,
            map,
            set,
            array,
            empty: [],
            unit: PhantomData,
            long,
            eight,
        })
}

fn everything() -> impl Strategy<Value = Everything> {
    (scalars(), ids(), containers()).prop_map(|(s, i, c)| Everything(s, i, c, Marker))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn every_listed_type_survives_postcard(value in everything()) {
        let bytes = postcard::to_stdvec(&value).unwrap();
        let (read, rest): (Everything, _) = postcard::take_from_bytes(&bytes).unwrap();
        prop_assert_eq!(read, value);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn every_listed_type_survives_json_but_a_map_whose_keys_are_no_text(value in everything()) {
        let mut value = value;
        value.2.map = BTreeMap::new();
        let text = serde_json::to_string(&value).unwrap();
        let read: Everything = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, value);
    }
}

#[test]
fn the_whole_list_has_a_schema_and_a_layout() {
    assert_ne!(Everything::schema_id().0, [0; 16]);
    assert_ne!(Everything::layout_id().0, [0; 16]);
}
