//! The words that `derive(State)` describes are those that serde writes and reads.

use refit_abi::State;
use refit_abi::schema::Describer;
use refit_abi::words::{MemberWords, Words};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn words<T: State>() -> Words {
    let mut describer = Describer::default();
    T::describe(&mut describer);
    describer.into_words()
}

fn members<T: State>() -> Vec<MemberWords> {
    words::<T>().types.swap_remove(0).members
}

fn written(members: &[MemberWords]) -> Vec<&str> {
    members
        .iter()
        .map(|member| member.written.as_str())
        .collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

macro_rules! cases {
    ($($module:ident: $case:literal),* $(,)?) => {$(
        mod $module {
            use super::*;

            #[derive(Default, State, Serialize, Deserialize)]
            #[serde(rename_all = $case)]
            struct Fields {
                one: u8,
                two_words: u8,
                three_short_words: u8,
                r#type: u8,
                #[serde(rename = "own Name")]
                own: u8,
            }

            #[derive(State, Serialize, Deserialize)]
            #[serde(rename_all = $case, rename_all_fields = $case)]
            enum Variants {
                One,
                TwoWords { some_field: u8 },
                #[serde(rename_all = "camelCase")]
                HTTPThing { other_field: u8, #[serde(rename = "x")] own: u8 },
                #[serde(rename = "own")]
                Own,
            }

            #[test]
            fn names_are_written_as_described() {
                let mut fields = members::<Fields>();
                fields.sort_by(|a, b| a.written.cmp(&b.written));
                let value = serde_json::to_value(Fields::default()).unwrap();
                assert_eq!(written(&fields), keys(&value));

                let variants = members::<Variants>();
                let two = serde_json::to_value(Variants::TwoWords { some_field: 1 }).unwrap();
                let other = Variants::HTTPThing { other_field: 1, own: 1 };
                let other = serde_json::to_value(other).unwrap();
                let names = [
                    serde_json::to_value(Variants::One).unwrap(),
                    keys(&two)[0].into(),
                    keys(&other)[0].into(),
                    serde_json::to_value(Variants::Own).unwrap(),
                ];
                let written_names = written(&variants);
                for (name, said) in names.iter().zip(&written_names) {
                    assert_eq!(name, said);
                }
                let inside = |value: &Value| value.as_object().unwrap().values().next().unwrap().clone();
                assert_eq!(written(&variants[1].fields), keys(&inside(&two)));
                assert_eq!(written(&variants[2].fields), keys(&inside(&other)));
            }
        }
    )*};
}

cases! {
    lower: "lowercase",
    upper: "UPPERCASE",
    pascal: "PascalCase",
    camel: "camelCase",
    snake: "snake_case",
    screaming_snake: "SCREAMING_SNAKE_CASE",
    kebab: "kebab-case",
    screaming_kebab: "SCREAMING-KEBAB-CASE",
}

#[derive(Debug, PartialEq, State, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
struct Both {
    #[serde(alias = "b", alias = "a", default)]
    first_field: u8,
    #[serde(rename(serialize = "out", deserialize = "in"))]
    second_field: u8,
    inner: Vec<Inner>,
}

#[derive(Debug, PartialEq, State, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Inner(u8, u8);

impl Default for Inner {
    fn default() -> Self {
        Self(1, 2)
    }
}

#[derive(State, Serialize, Deserialize)]
#[serde(transparent)]
struct Wrapped {
    inner: u8,
}

#[derive(State, Serialize, Deserialize)]
struct List {
    next: Option<Box<List>>,
    wrapped: Wrapped,
}

#[test]
fn what_is_written_and_what_is_read_are_told_apart() {
    let words = words::<Both>();
    let [both, inner] = words.types.as_slice() else {
        panic!("{words:?}");
    };
    assert_eq!(written(&both.members), ["firstField", "out", "inner"]);
    assert_eq!(both.members[0].read, ["first-field", "a", "b"]);
    assert_eq!(both.members[1].read, ["in"]);
    assert!(both.members[0].may_be_absent && !both.members[1].may_be_absent);
    assert!(inner.refuses_unknown && inner.members.iter().all(|member| member.may_be_absent));
    for name in ["first-field", "a", "b"] {
        let read: Both = serde_json::from_value(json!({name: 7, "in": 8, "inner": [[3]]})).unwrap();
        assert_eq!((read.first_field, &read.inner), (7, &vec![Inner(3, 2)]));
    }
}

#[test]
fn a_type_inside_itself_is_described_once_and_a_transparent_one_has_no_names() {
    let words = words::<List>();
    assert_eq!(words.types.len(), 2);
    assert!(words.types[1].is_transparent && words.types[1].members.is_empty());
}

mod variations {
    use super::*;

    macro_rules! variations {
        ($($name:ident($(#[$ty:meta])*)($(#[$field:meta])*)),* $(,)?) => {
            $(mod $name {
                use super::*;
                #[derive(State, Serialize, Deserialize)]
                pub(super) struct Outer(Option<Message>);
                #[derive(State, Serialize, Deserialize)]
                $(#[$ty])*
                struct Message { $(#[$field])* amount: u64, other: u64 }
            })*

            fn all() -> Vec<(refit_abi::schema::SchemaId, refit_abi::schema::WordsId)> {
                vec![$(($name::Outer::schema_id(), words::<$name::Outer>().id)),*]
            }
        };
    }

    variations! {
        as_it_is()(),
        renamed()(#[serde(rename = "qty")]),
        written_otherwise()(#[serde(rename(serialize = "qty"))]),
        read_otherwise()(#[serde(rename(deserialize = "qty"))]),
        with_alias()(#[serde(alias = "qty")]),
        with_default()(#[serde(default)]),
        strict(#[serde(deny_unknown_fields)])(),
        all_renamed(#[serde(rename_all = "UPPERCASE")])(),
    }

    #[test]
    fn every_change_of_words_changes_their_hash_and_no_schema() {
        let all = all();
        for (place, one) in all.iter().enumerate() {
            assert_eq!(one.0, all[0].0);
            assert!(all[..place].iter().all(|other| other.1 != one.1), "{place}");
        }
    }
}
