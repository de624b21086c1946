//! `derive(StateKey)` writes the order that the standard library would: fields, then variants, as
//! they are written. A state's maps are sorted by it in one generation and searched in the next.

use proptest::prelude::*;
use refit_abi::{Deserialize, Serialize, State, StateKey};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Declares the same type twice: `key::Key` by our derive, `twin::Key` by the standard ones.
macro_rules! twice {
    ($($item:item)+) => {
        mod key {
            use super::*;
            $(
                #[derive(State, StateKey, Clone, Debug, Hash, Serialize, Deserialize)]
                $item
            )+
        }
        mod twin {
            $(
                #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
                $item
            )+
        }
    };
}

twice! {
    pub(super) enum Key {
        Unit,
        Tuple(i8, bool),
        Named { text: String, inner: Option<Inner> },
        Last(Vec<Inner>),
    }
    pub(super) struct Inner { pub(super) a: u8, pub(super) b: (i8, bool) }
}

/// Both forms of one value.
type Both = (key::Key, twin::Key);

fn inner() -> impl Strategy<Value = (key::Inner, twin::Inner)> {
    // Few values, so that equal prefixes are common.
    (0..2_u8, -1..1_i8, any::<bool>())
        .prop_map(|(a, b, c)| (key::Inner { a, b: (b, c) }, twin::Inner { a, b: (b, c) }))
}

fn both() -> impl Strategy<Value = Both> {
    let named = ("[ab]{0,2}", proptest::option::of(inner())).prop_map(|(text, inner)| {
        let (ours, theirs) = inner.unzip();
        let ours = key::Key::Named {
            text: text.clone(),
            inner: ours,
        };
        (
            ours,
            twin::Key::Named {
                text,
                inner: theirs,
            },
        )
    });
    let last = proptest::collection::vec(inner(), 0..3).prop_map(|inners| {
        let (ours, theirs) = inners.into_iter().unzip();
        (key::Key::Last(ours), twin::Key::Last(theirs))
    });
    prop_oneof![
        Just((key::Key::Unit, twin::Key::Unit)),
        (-1..1_i8, any::<bool>())
            .prop_map(|(a, b)| (key::Key::Tuple(a, b), twin::Key::Tuple(a, b))),
        named,
        last,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_derived_order_is_that_of_the_standard_derives(a in both(), b in both()) {
        prop_assert_eq!(a.0.cmp(&b.0), a.1.cmp(&b.1));
        prop_assert_eq!(a.0.partial_cmp(&b.0), a.1.partial_cmp(&b.1));
        prop_assert_eq!(a.0 == b.0, a.1 == b.1);
        prop_assert_eq!(a.0 == b.0, a.0.cmp(&b.0) == Ordering::Equal);
    }
}

#[derive(State, StateKey, Debug, Serialize, Deserialize)]
enum Numbered {
    First = 9,
    Second = 3,
}

#[derive(State, StateKey, Debug, Serialize, Deserialize)]
enum Never {}

#[derive(State, StateKey, Debug, Serialize, Deserialize)]
struct Unit;

#[test]
fn variants_are_ordered_as_written_whatever_their_discriminants() {
    assert!(Numbered::First < Numbered::Second);
    assert_eq!(Numbered::First as u8, 9);
}

#[test]
fn keys_without_fields_are_keys() {
    let map = BTreeMap::from([(Unit, 1), (Unit, 2)]);
    assert_eq!(map[&Unit], 2);
    assert!(BTreeMap::<Never, u8>::new().is_empty());
}
