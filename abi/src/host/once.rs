//! [`each_name_once`]: maps in what operators write, whose ordinary readers take the last of two values without a word.

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Reads a map in which each name stands once, for `#[serde(deserialize_with = "…")]`: of two values for one name neither
/// would be what was meant.
///
/// # Errors
/// With the name, if it stands there twice; those of the format.
pub fn each_name_once<'de, V, D>(from: D) -> Result<BTreeMap<String, V>, D::Error>
where
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    from.deserialize_map(Once(PhantomData))
}

struct Once<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Once<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((name, value)) = from.next_entry::<String, V>()? {
            if map.contains_key(&name) {
                let twice = format!("`{name}` is named twice; name it once");
                return Err(A::Error::custom(twice));
            }
            map.insert(name, value);
        }
        Ok(map)
    }
}
