//! Whether a struct's `Serialize` is what `#[derive(Serialize)]` writes: its fields, in their order, as they are.
//!
//! The derive of `State` cannot see it, and an author may write one by hand: bytes of the fields one after the
//! other would then not be those of the whole. So the value is asked, without looking into its fields.

use serde::ser::{self, Impossible, Serialize};
use std::any::type_name;
use std::fmt;

/// A field, as `Serialize` is expected to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    address: usize,
    of: &'static str,
}

/// The field at hand.
pub fn part_at<T: ?Sized>(field: &T) -> Part {
    Part {
        address: std::ptr::from_ref(field).cast::<()>().addr(),
        of: type_name::<T>(),
    }
}

/// Whether `value` writes these parts and nothing else.
pub(super) fn writes_just<T: Serialize>(value: &T, parts: &[Part]) -> bool {
    let mut left = parts;
    value.serialize(Look { left: &mut left }).is_ok()
}

/// Crosses off part after part.
struct Look<'a, 'p> {
    left: &'a mut &'p [Part],
}

impl Look<'_, '_> {
    fn cross_off<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Differs> {
        match self.left.split_first() {
            Some((part, rest)) if *part == part_at(value) => {
                *self.left = rest;
                Ok(())
            }
            _ => Err(Differs),
        }
    }

    fn finish(self) -> Result<(), Differs> {
        match self.left {
            [] => Ok(()),
            _ => Err(Differs),
        }
    }
}

/// It is not what the derive writes.
#[derive(Debug)]
struct Differs;

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not write its fields one after the other")
    }
}

impl std::error::Error for Differs {}

impl ser::Error for Differs {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Differs
    }
}

macro_rules! differ {
    ($($method:ident($($ty:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<$ok, Differs> {
            Err(Differs)
        }
    )*};
}

type No = Impossible<(), Differs>;

impl ser::Serializer for Look<'_, '_> {
    type Ok = ();
    type Error = Differs;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = Self;
    type SerializeStructVariant = No;

    differ! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_i128(i128) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_u128(u128) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> No;
        serialize_tuple(usize) -> No;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No;
        serialize_map(Option<usize>) -> No;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Differs> {
        Err(Differs)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Differs> {
        Err(Differs)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Differs> {
        self.finish()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Differs> {
        self.cross_off(value)?;
        self.finish()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Differs> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Differs> {
        Ok(self)
    }

    /// As postcard, whose bytes are meant.
    fn is_human_readable(&self) -> bool {
        false
    }
}

impl ser::SerializeTupleStruct for Look<'_, '_> {
    type Ok = ();
    type Error = Differs;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Differs> {
        self.cross_off(value)
    }

    fn end(self) -> Result<(), Differs> {
        self.finish()
    }
}

impl ser::SerializeStruct for Look<'_, '_> {
    type Ok = ();
    type Error = Differs;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Differs> {
        self.cross_off(value)
    }

    /// A field that is left out passes here; the check of the whole value refuses it.
    fn skip_field(&mut self, _: &'static str) -> Result<(), Differs> {
        Err(Differs)
    }

    fn end(self) -> Result<(), Differs> {
        self.finish()
    }
}
