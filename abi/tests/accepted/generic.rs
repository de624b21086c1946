//! Type and const parameters, a map's key among them, and a `#[state(serde)]` field beside them.
use refit_abi::{Deserialize, Serialize, State, StateKey};
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

#[derive(State, StateKey, Clone, Hash, Serialize, Deserialize)]
struct Pair<A, B> {
    first: A,
    second: B,
}

#[derive(State, Serialize, Deserialize)]
#[serde(bound = "")]
struct Table<K: StateKey, V: State, const SCALE: u32> {
    rows: BTreeMap<Pair<K, u8>, V>,
    unit: PhantomData<V>,
    #[state(serde)]
    outside: VecDeque<(u8, f64)>,
}

#[derive(State, Serialize, Deserialize)]
enum Tree<T> {
    Leaf,
    Node(Box<Tree<T>>, T, Box<Tree<T>>),
}

#[test]
fn compiles_and_gives_what_the_host_asks_for() {
    let _ = (Table::<String, u8, 2>::schema_id(), Tree::<u8>::layout_id());
    let _ = Pair {
        first: 1_u8,
        second: 2_u8,
    } < Pair {
        first: 1,
        second: 3,
    };
}
