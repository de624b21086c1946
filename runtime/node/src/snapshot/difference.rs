//! [`Entries`]: how two values differ, entry by entry.

use super::value::Value;
use serde::Serialize;
use std::collections::BTreeMap;

/// The entries in which two states differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entries {
    /// The first of them, in the order of the state.
    pub first: Vec<Entry>,
    /// How many there are.
    pub count: usize,
}

/// One entry in which two states differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its place: fields, keys in brackets.
    pub path: String,
    /// Its value in the first state; none if it is not there.
    pub a: Option<String>,
    /// The same in the second.
    pub b: Option<String>,
}

/// Compares two values; keeps at most `most` entries.
pub(super) fn compare(a: &Value, b: &Value, most: usize) -> Entries {
    let mut comparing = Comparing {
        entries: Entries::default(),
        most,
    };
    comparing.values("", a, b);
    comparing.entries
}

struct Comparing {
    entries: Entries,
    most: usize,
}

impl Comparing {
    fn values(&mut self, path: &str, a: &Value, b: &Value) {
        match (a, b) {
            _ if a == b => {}
            (Value::Fields(one), Value::Fields(other)) => {
                self.named(one, other, |name| match path {
                    "" => name.to_owned(),
                    path => format!("{path}.{name}"),
                });
            }
            (Value::Map(one), Value::Map(other)) => {
                self.named(one, other, |key| format!("{path}[{key}]"));
            }
            (Value::Set(one), Value::Set(other)) => {
                let keys = |keys: &[String]| -> Vec<(String, Value)> {
                    let there = |key: &String| (key.clone(), Value::Plain("there".to_owned()));
                    keys.iter().map(there).collect()
                };
                self.named(&keys(one), &keys(other), |key| format!("{path}[{key}]"));
            }
            (Value::List(one), Value::List(other)) => {
                for at in 0..one.len().max(other.len()) {
                    self.maybe(&format!("{path}[{at}]"), one.get(at), other.get(at));
                }
            }
            (Value::Variant(one, inside), Value::Variant(other, within)) if one == other => {
                self.values(&format!("{path}.{one}"), inside, within);
            }
            _ => self.note(path, Some(a), Some(b)),
        }
    }

    /// Values that have names, in the order of the first, and then what only the second has.
    fn named(
        &mut self,
        one: &[(String, Value)],
        other: &[(String, Value)],
        path: impl Fn(&str) -> String,
    ) {
        let mut left: BTreeMap<&str, &Value> = other
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        for (name, value) in one {
            let same = left.remove(name.as_str());
            if same != Some(value) {
                self.maybe(&path(name), Some(value), same);
            }
        }
        for (name, value) in other {
            if left.remove(name.as_str()).is_some() {
                self.note(&path(name), None, Some(value));
            }
        }
    }

    fn maybe(&mut self, path: &str, a: Option<&Value>, b: Option<&Value>) {
        match (a, b) {
            (Some(a), Some(b)) => self.values(path, a, b),
            (a, b) => self.note(path, a, b),
        }
    }

    fn note(&mut self, path: &str, a: Option<&Value>, b: Option<&Value>) {
        self.entries.count += 1;
        if self.entries.first.len() < self.most {
            self.entries.first.push(Entry {
                path: path.to_owned(),
                a: a.map(Value::shown),
                b: b.map(Value::shown),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::walk;
    use super::*;
    use refit_abi::EngineId;
    use refit_abi::schema::{Field, Shape, Type, Variant};
    use std::collections::BTreeMap;

    fn scalar(name: &str) -> Type {
        Type::Scalar {
            name: name.to_owned(),
            shape: Shape::default(),
        }
    }

    fn container(name: &str, arguments: Vec<Type>) -> Type {
        Type::Container {
            name: name.to_owned(),
            arguments,
            length: 0,
            shape: Shape::default(),
        }
    }

    fn field(name: &str, ty: Type) -> Field {
        Field {
            name: name.to_owned(),
            ty,
            offset: 0,
        }
    }

    fn structure(fields: Vec<Field>) -> Type {
        Type::Struct {
            name: "S".to_owned(),
            version: 0,
            fields,
            shape: Shape::default(),
        }
    }

    fn entry(path: &str, a: Option<&str>, b: Option<&str>) -> Entry {
        Entry {
            path: path.to_owned(),
            a: a.map(str::to_owned),
            b: b.map(str::to_owned),
        }
    }

    fn differ(ty: &Type, a: &impl serde::Serialize, b: &impl serde::Serialize) -> Vec<Entry> {
        let walked = |value: Vec<u8>| walk(ty, &value).unwrap();
        let a = walked(postcard::to_allocvec(a).unwrap());
        let b = walked(postcard::to_allocvec(b).unwrap());
        compare(&a, &b, 10).first
    }

    #[test]
    fn the_entries_of_a_map_are_named_by_their_keys_and_fields_by_their_names() {
        let of = |name, arguments| container(name, arguments);
        let ty = structure(vec![
            field(
                "entries",
                of("BTreeMap", vec![scalar("String"), scalar("u64")]),
            ),
            field("owner", of("Option", vec![scalar("EngineId")])),
            field("seen", of("BTreeSet", vec![scalar("Height")])),
            field(
                "log",
                of(
                    "Vec",
                    vec![of("tuple", vec![scalar("i32"), scalar("bool")])],
                ),
            ),
            field("key", of("Vec", vec![scalar("u8")])),
        ]);
        let map = |of: &[(&str, u64)]| -> BTreeMap<String, u64> {
            of.iter()
                .map(|(key, value)| ((*key).to_owned(), *value))
                .collect()
        };
        let kv = EngineId::root("kv").unwrap();
        let a = (
            map(&[("a", 1), ("b", 2)]),
            None::<EngineId>,
            vec![3_u64],
            vec![(-1, true)],
            vec![1_u8],
        );
        let b = (
            map(&[("b", 7), ("c", 9)]),
            Some(kv),
            vec![3_u64, 4],
            vec![(-1, false), (2, true)],
            vec![1_u8, 0xff],
        );
        assert_eq!(
            differ(&ty, &a, &b),
            [
                entry(r#"entries["a"]"#, Some("1"), None),
                entry(r#"entries["b"]"#, Some("2"), Some("7")),
                entry(r#"entries["c"]"#, None, Some("9")),
                entry("owner", Some("none"), Some("kv")),
                entry("seen[4]", None, Some("there")),
                entry("log[0].1", Some("true"), Some("false")),
                entry("log[1]", None, Some("{0: 2, 1: true}")),
                entry("key", Some("0x01"), Some("0x01ff")),
            ]
        );
        assert_eq!(differ(&ty, &a, &a), []);
        let all = compare(
            &Value::List(vec![Value::nothing(); 50]),
            &Value::List(Vec::new()),
            3,
        );
        assert_eq!((all.first.len(), all.count), (3, 50));
    }

    /// A tree: a leaf, or a branch of two trees.
    fn tree() -> Type {
        let again = || Type::Recursion {
            name: "Tree".to_owned(),
            levels: 0,
        };
        let variant = |name: &str, fields| Variant {
            name: name.to_owned(),
            discriminant: None,
            fields,
        };
        let boxed = |name: &str| field(name, container("Box", vec![again()]));
        Type::Enum {
            name: "Tree".to_owned(),
            version: 0,
            variants: vec![
                variant("Leaf", vec![field("0", scalar("u8"))]),
                variant("Branch", vec![boxed("left"), boxed("right")]),
            ],
            shape: Shape::default(),
        }
    }

    #[test]
    fn a_recursive_type_is_followed_and_a_bottomless_one_is_not() {
        // Branch(Leaf 1, Branch(Leaf 2, Leaf 3))
        let a = walk(&tree(), &[1, 0, 1, 1, 0, 2, 0, 3]).unwrap();
        let b = walk(&tree(), &[1, 0, 1, 1, 0, 2, 0, 9]).unwrap();
        let path = "Branch.right.Branch.right.Leaf.0".to_owned();
        let found = compare(&a, &b, 10).first;
        let path = format!(".{path}");
        assert_eq!(found, [entry(&path, Some("3"), Some("9"))]);
        assert!(walk(&tree(), &[1; 100_000]).is_err());
        let many = container("Vec", vec![scalar("()")]);
        assert!(walk(&many, &postcard::to_allocvec(&u64::MAX).unwrap()).is_err());
        for end in 0..8 {
            assert!(walk(&tree(), &[1, 0, 1, 1, 0, 2, 0, 3][..end]).is_err());
        }
    }

    #[test]
    fn from_a_field_on_that_is_not_described_bytes_are_compared() {
        let serde = Type::Serde {
            name: "HashMap".to_owned(),
            identity: 0,
        };
        let ty = structure(vec![
            field("count", scalar("u8")),
            field("table", serde),
            field("behind", scalar("u8")),
        ]);
        let found = differ(&ty, &(1_u8, 5_u8, 6_u8), &(2_u8, 5_u8, 7_u8));
        assert_eq!(
            found,
            [
                entry("count", Some("1"), Some("2")),
                entry("table", Some("2 bytes"), Some("2 bytes")),
            ]
        );
    }
}
