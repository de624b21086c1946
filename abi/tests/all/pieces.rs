//! A state written down in pieces: for random states of every type on the closed list and pieces of any size,
//! all pieces together are the state's bytes, there are no more of them than the bytes ask for, and the digest
//! is that of the whole.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use refit_abi::host::{CallError, Instance, Kind, Module};
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Height, Sender, Serialize, State, StateKey,
};
use serde::{Deserializer, Serializer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;

#[derive(Clone, Debug, State, StateKey, Serialize, Deserialize)]
struct Key(u8, String);

#[derive(Clone, Debug, State, Serialize, Deserialize)]
enum Entry {
    Empty,
    Text(String),
    Nested { inner: Vec<Entry>, until: Height },
}

#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Mark;

#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Pair<T> {
    left: T,
    mark: Mark,
    right: Vec<T>,
}

/// Its bytes are those of its inside.
#[derive(Clone, Debug, State, Serialize, Deserialize)]
#[serde(transparent)]
struct Seen(BTreeMap<u16, u64>);

/// Its bytes are not those of its fields, one after the other.
#[derive(Clone, Debug, State)]
struct Backwards {
    first: u8,
    second: Vec<u16>,
}

impl Serialize for Backwards {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.second, self.first).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Backwards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (second, first) = Deserialize::deserialize(deserializer)?;
        Ok(Self { first, second })
    }
}

/// One of everything, two levels of it derived.
#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Everything {
    map: BTreeMap<Key, Vec<u64>>,
    maps: BTreeMap<u32, BTreeMap<String, Option<bool>>>,
    set: BTreeSet<(i64, Option<String>)>,
    inside: Inside,
    numbers: (u8, i16, u32, i64, u128, char, bool, usize),
    unit: (),
    text: String,
    last: PhantomData<u8>,
}

#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Inside {
    list: Vec<Pair<String>>,
    ring: VecDeque<Result<Box<[u8]>, Height>>,
    array: [Box<str>; 3],
    empty: [u64; 0],
    tree: Option<Box<Tree>>,
    entries: Vec<Entry>,
    seen: Seen,
    backwards: Vec<Backwards>,
    ids: Vec<EngineId>,
}

#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Tree {
    leaf: u64,
    children: Vec<Tree>,
}

/// With a field of which only its `Serialize` is known.
#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Opaque {
    rows: BTreeMap<u8, Row>,
    name: String,
}

#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Row {
    #[state(serde)]
    cell: Cell,
    count: u16,
    #[state(float)]
    weights: Vec<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cell {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    number: f64,
}

macro_rules! engines {
    ($($state:ident = $kind:literal),*) => {$(
        impl Engine for $state {
            const KIND: &'static str = $kind;
            type Config = ();
            type Message = ();
            type Reply = ();
            type Query = ();
            type Answer = ();

            fn init(_: (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Err(Fault::new("not-started", "these engines are only read and written"))
            }
            fn handle(&mut self, _: &mut Context<'_>, _: Sender, _: ()) -> Result<(), Fault> {
                Ok(())
            }
            fn query(&self, _: ()) -> Result<(), Fault> {
                Ok(())
            }
        }
    )*};
}
engines!(
    Everything = "everything",
    Opaque = "opaque",
    Backwards = "backwards",
    Entry = "entry",
    Tree = "tree",
    Mark = "mark"
);
refit_abi::export_engines!(Everything, Opaque, Backwards, Entry, Tree, Mark);

/// A kind, a state of it, and the state's bytes.
struct Written {
    kind: Kind,
    state: Option<Instance>,
    bytes: Vec<u8>,
}

impl Written {
    fn new<T: Engine>(bytes: Vec<u8>) -> Self {
        let kind = Module::linked(module()).unwrap().kind(T::KIND).unwrap();
        let state = Some(kind.decode(&bytes).unwrap());
        Self { kind, state, bytes }
    }

    fn of<T: Engine>(state: &T) -> Self {
        let written = Self::new::<T>(postcard::to_stdvec(state).unwrap());
        let mut bytes = Vec::new();
        written.kind.encode(written.state(), &mut bytes).unwrap();
        assert_eq!(bytes, written.bytes);
        written
    }

    fn state(&self) -> &Instance {
        self.state.as_ref().unwrap()
    }

    fn pieces(&self, bytes_max: usize) -> Vec<Vec<u8>> {
        let pieces = self.kind.encode_pieces(self.state(), bytes_max);
        pieces.collect::<Result<_, _>>().unwrap()
    }

    /// The promises that hold for pieces of any size.
    fn hold(&self, bytes_max: usize) {
        let pieces = self.pieces(bytes_max);
        assert_eq!(pieces.concat(), self.bytes, "{bytes_max}");
        let (_, but_the_last) = pieces.split_last().unwrap();
        let full = |piece: &Vec<u8>| piece.len() >= bytes_max;
        assert!(but_the_last.iter().all(full), "{bytes_max}");
        let digest = self.kind.digest(self.state(), bytes_max).unwrap();
        assert_eq!(digest.0, *blake3::hash(&self.bytes).as_bytes());
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        self.state.take().map(|state| self.kind.discard(state));
    }
}

fn key() -> impl Strategy<Value = Key> {
    any::<(u8, String)>().prop_map(|(number, text)| Key(number, text))
}

fn entry() -> impl Strategy<Value = Entry> {
    let text = any::<String>().prop_map(Entry::Text);
    prop_oneof![Just(Entry::Empty), text].prop_recursive(3, 8, 3, |inner| {
        (vec(inner, 0..3), any::<u64>()).prop_map(|(inner, until)| Entry::Nested {
            inner,
            until: Height(until),
        })
    })
}

fn backwards() -> impl Strategy<Value = Backwards> {
    any::<(u8, Vec<u16>)>().prop_map(|(first, second)| Backwards { first, second })
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = any::<u64>().prop_map(|leaf| Tree {
        leaf,
        children: Vec::new(),
    });
    leaf.prop_recursive(24, 40, 2, |inner| {
        (any::<u64>(), vec(inner, 0..3)).prop_map(|(leaf, children)| Tree { leaf, children })
    })
}

fn inside() -> impl Strategy<Value = Inside> {
    let pair = (any::<String>(), vec(any::<String>(), 0..3)).prop_map(|(left, right)| Pair {
        left,
        mark: Mark,
        right,
    });
    let slot = prop_oneof![
        any::<Vec<u8>>().prop_map(|bytes| Ok(bytes.into())),
        any::<u64>().prop_map(|height| Err(Height(height)))
    ];
    (
        vec(pair, 0..4),
        vec(slot, 0..4),
        any::<[String; 3]>(),
        proptest::option::of(tree().prop_map(Box::new)),
        vec(entry(), 0..4),
        btree_map(any::<u16>(), any::<u64>(), 0..4),
        vec(backwards(), 0..3),
        0..3_usize,
    )
        .prop_map(
            |(list, ring, array, tree, entries, seen, backwards, ids)| Inside {
                list,
                ring: ring.into(),
                array: array.map(Into::into),
                empty: [],
                tree,
                entries,
                seen: Seen(seen),
                backwards,
                ids: vec![EngineId::root("pieces").unwrap(); ids],
            },
        )
}

fn everything() -> impl Strategy<Value = Everything> {
    (
        btree_map(key(), vec(any::<u64>(), 0..4), 0..6),
        btree_map(
            any::<u32>(),
            btree_map(any::<String>(), any::<Option<bool>>(), 0..4),
            0..4,
        ),
        btree_set(any::<(i64, Option<String>)>(), 0..5),
        inside(),
        any::<(u8, i16, u32, i64, u128, char, bool, usize)>(),
        any::<String>(),
    )
        .prop_map(|(map, maps, set, inside, numbers, text)| Everything {
            map,
            maps,
            set,
            inside,
            numbers,
            unit: (),
            text,
            last: PhantomData,
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 64,
        ..ProptestConfig::default()
    })]

    #[test]
    fn all_pieces_together_are_the_bytes_of_the_whole(state in everything(), size in 2..600_usize) {
        let written = Written::of(&state);
        for bytes_max in [0, 1, 2, 7, size, written.bytes.len(), usize::MAX] {
            written.hold(bytes_max);
        }
        prop_assert_eq!(written.pieces(usize::MAX).len(), 1);
    }

    #[test]
    fn a_tree_is_divided_to_a_depth_and_whole_below_it(state in tree(), size in 1..40_usize) {
        Written::of(&state).hold(size);
    }

    #[test]
    fn what_is_no_derived_struct_is_one_piece(entry in entry(), backwards in backwards()) {
        for written in [Written::of(&entry), Written::of(&backwards)] {
            prop_assert_eq!(written.pieces(1), vec![written.bytes.clone()]);
        }
    }
}

#[test]
fn a_state_without_bytes_is_one_empty_piece() {
    let written = Written::of(&Mark);
    assert_eq!(written.pieces(1), [Vec::<u8>::new()]);
    written.hold(1);
}

/// Each piece ends with the thing that fills it, so none is longer than was asked for by more than that.
#[test]
fn no_piece_is_longer_than_asked_by_more_than_one_element() {
    let entry = |number: u8| {
        (
            Key(number, "key".to_owned()),
            vec![u64::from(number) << 50; 200],
        )
    };
    let state = Everything {
        map: (0..200).map(entry).collect(),
        maps: BTreeMap::new(),
        set: BTreeSet::new(),
        inside: Inside {
            list: Vec::new(),
            ring: VecDeque::new(),
            array: Default::default(),
            empty: [],
            tree: None,
            entries: Vec::new(),
            seen: Seen(BTreeMap::new()),
            backwards: Vec::new(),
            ids: Vec::new(),
        },
        numbers: (0, 0, 0, 0, 0, 'a', true, 0),
        unit: (),
        text: "text".repeat(50_000),
        last: PhantomData,
    };
    let written = Written::of(&state);
    written.hold(1000);
    // The longest thing that is not divided here is a number of 64 bits.
    let longest = written.pieces(1000).iter().map(Vec::len).max().unwrap();
    assert!(longest < 1000 + 10, "{longest}");
}

#[test]
fn a_field_that_only_serde_knows_is_one_element_and_what_it_leaves_out_is_refused() {
    let row = |number: u8| Row {
        cell: Cell {
            text: Some("cell".repeat(number.into())),
            number: f64::from(number),
        },
        count: number.into(),
        weights: vec![1.0 / f64::from(number); 2],
    };
    let mut state = Opaque {
        rows: (0..20).map(|number| (number, row(number))).collect(),
        name: "opaque".to_owned(),
    };
    let written = Written::of(&state);
    for bytes_max in 1..200 {
        written.hold(bytes_max);
    }
    let cell = |row: &Row| postcard::to_stdvec(&row.cell).unwrap();
    for row in state.rows.values().filter(|row| row.count > 0) {
        let cell = cell(row);
        let holds = |piece: &Vec<u8>| piece.windows(cell.len()).any(|window| window == cell);
        assert!(written.pieces(1).iter().any(holds), "{}", row.count);
    }
    // Read from bytes in which a text is none.
    state.rows.insert(9, row(9));
    let bytes = postcard::to_stdvec(&state).unwrap();
    let text = [&[1_u8, 36][..], "cell".repeat(9).as_bytes()].concat();
    let at = bytes
        .windows(text.len())
        .position(|window| window == text)
        .unwrap();
    let bytes = [&bytes[..at], &[0], &bytes[at + text.len()..]].concat();
    let written = Written::new::<Opaque>(bytes);
    let whole = written.kind.encode(written.state(), &mut Vec::new());
    let mut pieces = written.kind.encode_pieces(written.state(), 8);
    let error = pieces.find_map(Result::err).unwrap();
    assert_eq!(Err(&error), whole.as_ref());
    assert!(matches!(error, CallError::Incomplete { field } if field == "text"));
    assert!(pieces.next().is_none());
    assert!(written.kind.digest(written.state(), 8).is_err());
}

#[test]
fn no_kind_writes_pieces_of_a_state_that_is_not_its_own() {
    let (tree, mark) = (
        Written::of(&Tree {
            leaf: 1,
            children: Vec::new(),
        }),
        Written::of(&Mark),
    );
    let mut pieces = tree.kind.encode_pieces(mark.state(), 1);
    assert_eq!(pieces.next(), Some(Err(CallError::WrongState)));
    assert_eq!(pieces.next(), None);
}
