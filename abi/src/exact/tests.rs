//! Tests strict reading: what is read, what is refused and how the error names it.

use super::from_json;
use crate::Height;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Setup {
    #[serde(alias = "amt")]
    amount: u128,
    #[serde(default)]
    rules: Vec<Option<Rule>>,
    #[serde(default)]
    by_height: BTreeMap<Height, Pair>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Free,
    Most(i128),
    Both(u8, Pair),
    Inside { low: u64, high: Pair },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair {
    a: Option<Box<Pair>>,
    b: String,
}

fn refusal(text: &str) -> String {
    assert!(serde_json::from_str::<Setup>(text).is_ok(), "{text}");
    from_json::<Setup>(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn numbers_of_any_size_aliases_and_what_is_absent_are_read() {
    let read = |text: &str| from_json::<Setup>(text.as_bytes()).unwrap();
    let large = read(r#"{"amount":20000000000000000000}"#);
    assert_eq!(large.amount, 20_000_000_000_000_000_000);
    let text = format!(
        r#"{{"amt":{},"rules":[{{"most":{}}}]}}"#,
        u128::MAX,
        i128::MIN
    );
    let extreme = read(&text);
    assert_eq!(extreme.amount, u128::MAX);
    assert_eq!(extreme.rules, [Some(Rule::Most(i128::MIN))]);
    assert!(from_json::<Setup>(br#"{"amount":1} x"#).is_err());
}

#[test]
fn an_unknown_field_is_named_with_its_place_at_every_depth() {
    let alone = refusal(r#"{"amount":1,"limt":2}"#);
    for part in ["unknown field `limt`", "`amount`", "line 1 column"] {
        assert!(alone.contains(part), "{alone}");
    }
    for text in [
        r#"{"amount":1,"rules":[null,{"inside":{"low":1,"hi":2,"high":{"b":""}}}]}"#,
        r#"{"amount":1,"rules":[{"inside":{"low":1,"high":{"b":"","hi":0}}}]}"#,
        r#"{"amount":1,"rules":[{"both":[1,{"b":"","hi":0}]}]}"#,
        r#"{"amount":1,"by_height":{"7":{"a":{"a":{"hi":[],"b":""},"b":""},"b":""}}}"#,
    ] {
        let said = refusal(text);
        assert!(said.contains("unknown field `hi`"), "{said}");
    }
}

fn pair() -> impl Strategy<Value = Pair> {
    let leaf = "[a-z]{0,3}".prop_map(|b| Pair { a: None, b });
    leaf.prop_recursive(3, 4, 1, |inner| {
        (inner, "[a-z]{0,3}").prop_map(|(a, b)| Pair {
            a: Some(Box::new(a)),
            b,
        })
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        Just(Rule::Free),
        any::<i128>().prop_map(Rule::Most),
        (any::<u8>(), pair()).prop_map(|(number, pair)| Rule::Both(number, pair)),
        (any::<u64>(), pair()).prop_map(|(low, high)| Rule::Inside { low, high }),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    let rules = vec(proptest::option::of(rule()), 0..4);
    let by_height = btree_map(any::<u64>().prop_map(Height), pair(), 0..4);
    (any::<u128>(), rules, by_height).prop_map(|(amount, rules, by_height)| Setup {
        amount,
        rules,
        by_height,
    })
}

proptest! {
    /// Every value of these types begins with a field of a struct where its text has `{"`; one more
    /// field there is known to none of them.
    #[test]
    fn what_is_written_is_read_and_one_field_more_anywhere_is_not(value in setup(), at: prop::sample::Index) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(&from_json::<Setup>(text.as_bytes()).unwrap(), &value);
        let fields: Vec<_> = ["\"amount\":", "\"b\":", "\"low\":"]
            .iter()
            .flat_map(|field| text.match_indices(field))
            .map(|(place, _)| place)
            .collect();
        let (before, after) = text.split_at(fields[at.index(fields.len())]);
        let more = format!("{before}\"more\":[{{\"a\":1}}],{after}");
        prop_assert_eq!(&serde_json::from_str::<Setup>(&more).unwrap(), &value);
        let said = from_json::<Setup>(more.as_bytes()).unwrap_err().to_string();
        prop_assert!(said.contains("unknown field `more`"), "{}", said);
    }
}
