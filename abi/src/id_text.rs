//! Writes the ids: in a format for people (JSON, TOML) as the text that they show, also as the key of
//! a map; in postcard as their bytes. A list of numbers, which earlier nodes wrote into JSON, is still read.

use crate::id::parse_hex;
use crate::{BlockHash, ClientId, EngineId};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// An id of `N` bytes that has a text.
trait Id<const N: usize>: Sized {
    /// Describes its text, for an error, such as "32 hexadecimal digits".
    const EXPECTED: &'static str;
    /// The id with these bytes.
    fn of_bytes(bytes: [u8; N]) -> Self;
    /// The id that shows this text; what is wrong with it, else.
    fn of_text(text: &str) -> Result<Self, String>;
}

impl Id<16> for EngineId {
    const EXPECTED: &'static str = "an engine's name or 32 hexadecimal digits";

    fn of_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bytes(bytes)
    }

    fn of_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: crate::EngineIdError| error.to_string())
    }
}

impl Id<16> for ClientId {
    const EXPECTED: &'static str = "32 hexadecimal digits";

    fn of_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bytes(bytes)
    }

    fn of_text(text: &str) -> Result<Self, String> {
        let bytes = parse_hex(text).map(Self::from_bytes);
        bytes.ok_or_else(|| format!("a client id is {}", Self::EXPECTED))
    }
}

impl Id<32> for BlockHash {
    const EXPECTED: &'static str = "64 hexadecimal digits";

    fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn of_text(text: &str) -> Result<Self, String> {
        let bytes = parse_hex(text).map(Self);
        bytes.ok_or_else(|| format!("a block hash is {}", Self::EXPECTED))
    }
}

/// Reads an id from its text or from a list of its bytes.
struct Text<T, const N: usize>(PhantomData<T>);

impl<'de, T: Id<N>, const N: usize> Visitor<'de> for Text<T, N> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::of_text(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        let mut bytes = [0; N];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = list
                .next_element()?
                .ok_or_else(|| A::Error::invalid_length(index, &self))?;
        }
        match list.next_element::<u8>()? {
            Some(_) => Err(A::Error::invalid_length(N + 1, &self)),
            None => Ok(T::of_bytes(bytes)),
        }
    }
}

macro_rules! id {
    ($name:ident, $bytes:literal, |$id:ident| $text:expr, $inner:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $id = self;
                match serializer.is_human_readable() {
                    true => serializer.collect_str(&$text),
                    false => <[u8; $bytes]>::serialize(&$inner, serializer),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match deserializer.is_human_readable() {
                    true => deserializer.deserialize_any(Text::<Self, $bytes>(PhantomData)),
                    false => <[u8; $bytes]>::deserialize(deserializer).map(Self::of_bytes),
                }
            }
        }
    };
}
id!(EngineId, 16, |id| id, id.to_bytes());
id!(ClientId, 16, |id| Hex(&id.to_bytes()), id.to_bytes());
id!(BlockHash, 32, |id| id, id.0);

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::id::write_hex(f, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn crosses<T>(id: T, text: &str)
    where
        T: Copy + Ord + fmt::Debug + Serialize + for<'de> Deserialize<'de>,
    {
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), id);
        let map = BTreeMap::from([(id, 1)]);
        let json = serde_json::to_string(&map).unwrap();
        let read: BTreeMap<T, i32> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, map);
        let bytes = postcard::to_allocvec(&id).unwrap();
        assert_eq!(bytes.len(), size_of::<T>());
        assert_eq!(postcard::from_bytes::<T>(&bytes).unwrap(), id);
        let numbers = serde_json::to_string(&bytes).unwrap();
        assert_eq!(serde_json::from_str::<T>(&numbers).unwrap(), id);
        let longer = [&bytes[..], &[0]].concat();
        let longer = serde_json::to_string(&longer).unwrap();
        assert!(serde_json::from_str::<T>(&longer).is_err());
    }

    #[test]
    fn ids_are_text_for_people_and_bytes_for_machines() {
        let root = EngineId::root("kv").unwrap();
        crosses(root, "kv");
        let child = root.child(1);
        crosses(child, &child.to_string());
        crosses(ClientId::from_bytes([0xab; 16]), &"ab".repeat(16));
        crosses(BlockHash([0xcd; 32]), &"cd".repeat(32));
        let error = serde_json::from_str::<EngineId>("\"No Name\"").unwrap_err();
        assert!(error.to_string().contains("a-z"), "{error}");
    }
}
