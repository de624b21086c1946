//! Reads JSON strictly: a field that the type does not know is an error, instead of being
//! passed over.
//!
//! A derived `Deserialize` hands what it does not know to `deserialize_ignored_any`. The deserializer
//! here stands around serde_json's, at every depth, and refuses there. It looks at nothing else, so
//! aliases, numbers of any size and absent fields are read as ever. What a hand-written or buffering
//! `Deserialize` passes over by itself it does not see.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::fmt;

/// Reads a whole value, all of whose fields are known.
///
/// # Errors
/// serde_json's, with line and column.
pub(crate) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = T::deserialize(Exact {
        inner: &mut json,
        place: Place::default(),
        key: None,
    })?;
    json.end()?;
    Ok(value)
}

/// The place of a value: its field, and the fields beside it.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    field: &'a str,
    known: &'static [&'static str],
}

/// The deserializer around another one.
struct Exact<'a, D> {
    inner: D,
    place: Place<'a>,
    /// Gets the text that is read, if it is the key of a map.
    key: Option<&'a mut String>,
}

/// The visitor around a type's own.
struct Seen<'a, V> {
    visitor: V,
    place: Place<'a>,
    key: Option<&'a mut String>,
    /// The fields of the struct that is read.
    known: &'static [&'static str],
}

impl<'a, D> Exact<'a, D> {
    fn seen<V>(self, visitor: V, known: &'static [&'static str]) -> (D, Seen<'a, V>) {
        let Self { inner, place, key } = self;
        let seen = Seen {
            visitor,
            place,
            key,
            known,
        };
        (inner, seen)
    }
}

macro_rules! forward {
    ($($method:ident($($argument:ident: $ty:ty),*)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($argument: $ty,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            let (inner, seen) = self.seen(visitor, &[]);
            inner.$method($($argument,)* seen)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Exact<'_, D> {
    type Error = D::Error;

    forward! {
        deserialize_any(), deserialize_bool(), deserialize_char(),
        deserialize_i8(), deserialize_i16(), deserialize_i32(), deserialize_i64(), deserialize_i128(),
        deserialize_u8(), deserialize_u16(), deserialize_u32(), deserialize_u64(), deserialize_u128(),
        deserialize_f32(), deserialize_f64(), deserialize_str(), deserialize_string(),
        deserialize_bytes(), deserialize_byte_buf(), deserialize_option(), deserialize_unit(),
        deserialize_unit_struct(name: &'static str), deserialize_newtype_struct(name: &'static str),
        deserialize_seq(), deserialize_tuple(length: usize),
        deserialize_tuple_struct(name: &'static str, length: usize), deserialize_map(),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
        deserialize_identifier(),
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let (inner, seen) = self.seen(visitor, fields);
        inner.deserialize_struct(name, fields, seen)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(D::Error::unknown_field(self.place.field, self.place.known))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! values {
    ($($method:ident: $ty:ty),* $(,)?) => {$(
        fn $method<E: Error>(self, value: $ty) -> Result<Self::Value, E> {
            if let Some(key) = self.key {
                *key = value.to_string();
            }
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Seen<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    values! {
        visit_bool: bool, visit_char: char,
        visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
        visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128,
        visit_f32: f32, visit_f64: f64,
        visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Self::Value, E> {
        self.visitor.visit_bytes(value)
    }

    fn visit_borrowed_bytes<E: Error>(self, value: &'de [u8]) -> Result<Self::Value, E> {
        self.visitor.visit_borrowed_bytes(value)
    }

    fn visit_byte_buf<E: Error>(self, value: Vec<u8>) -> Result<Self::Value, E> {
        self.visitor.visit_byte_buf(value)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        let (place, key) = (self.place, self.key);
        self.visitor.visit_some(Exact { inner, place, key })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        let (place, key) = (self.place, self.key);
        self.visitor
            .visit_newtype_struct(Exact { inner, place, key })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        let place = self.place;
        self.visitor.visit_seq(Items { inner, place })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        self.visitor.visit_map(Entries {
            inner,
            known: self.known,
            field: String::new(),
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        let place = self.place;
        self.visitor.visit_enum(Choice { inner, place })
    }
}

/// A type's own seed, which is given the deserializer of this file.
struct Seed<'a, S> {
    seed: S,
    place: Place<'a>,
    key: Option<&'a mut String>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let (place, key) = (self.place, self.key);
        self.seed.deserialize(Exact { inner, place, key })
    }
}

/// The elements of a list.
struct Items<'a, A> {
    inner: A,
    place: Place<'a>,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let (place, key) = (self.place, None);
        self.inner.next_element_seed(Seed { seed, place, key })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// The entries of an object.
struct Entries<A> {
    inner: A,
    known: &'static [&'static str],
    /// The key that was read last.
    field: String,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let (place, key) = (Place::default(), Some(&mut self.field));
        self.inner.next_key_seed(Seed { seed, place, key })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let (field, known) = (self.field.as_str(), self.known);
        let (place, key) = (Place { field, known }, None);
        self.inner.next_value_seed(Seed { seed, place, key })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// The variant of an enum, and then what is in it.
struct Choice<'a, A> {
    inner: A,
    place: Place<'a>,
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Choice<'a, A> {
    type Error = A::Error;
    type Variant = Choice<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (place, key) = (self.place, None);
        let (value, inner) = self.inner.variant_seed(Seed { seed, place, key })?;
        Ok((value, Choice { inner, place }))
    }
}

impl<'a, A> Choice<'a, A> {
    fn seen<V>(self, visitor: V, known: &'static [&'static str]) -> (A, Seen<'a, V>) {
        let (place, key) = (self.place, None);
        let seen = Seen {
            visitor,
            place,
            key,
            known,
        };
        (self.inner, seen)
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Choice<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let (place, key) = (self.place, None);
        self.inner.newtype_variant_seed(Seed { seed, place, key })
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let (inner, seen) = self.seen(visitor, &[]);
        inner.tuple_variant(length, seen)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let (inner, seen) = self.seen(visitor, fields);
        inner.struct_variant(fields, seen)
    }
}

#[cfg(test)]
mod tests;
