//! Walks through a value by its `Serialize`, and writes nothing.
//!
//! It answers two questions that bytes do not: whether the value may be dropped on this thread (a drop
//! recurses just as deep), and what it *is*, with the names of fields: two values may have equal bytes and
//! be read as different ones, if a field is left out of them.
//!
//! Frames of the walk are larger than those of the drop of the same value, level by level; it counts
//! levels *after* it comes back from one, so that no compiler makes a loop of it and forgets the frames.

use crate::canonical;
use crate::depth::Floor;
use serde::ser::{self, Serialize};
use std::fmt;

/// Of what is left of the stack, a walk that stands for a drop may use one part in so many.
const DROP_PARTS: usize = 2;

/// The same for a walk that stands for JSON, whose frames are larger.
const JSON_PARTS: usize = 6;

/// Why a walk ended early.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It is deeper than this thread's stack allows.
    TooDeep,
    /// A field is left out of the bytes, so that they read back as another value.
    LeftOut { field: &'static str },
    /// A float in it is a NaN or an infinity.
    NotFinite,
    /// The message of the value's own `Serialize`.
    Other(String),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::TooDeep => f.write_str("the value is too deep for this thread's stack"),
            Stopped::LeftOut { field } => write!(
                f,
                "its field `{field}` is left out of its bytes (as `skip_serializing_if` does), so they would read back as another value"
            ),
            Stopped::NotFinite => f.write_str(
                "a float in it is NaN or infinite, which JSON cannot say; use an `Option`",
            ),
            Stopped::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Stopped {}

impl ser::Error for Stopped {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Stopped::Other(message.to_string())
    }
}

/// Whether a value may be dropped on this thread.
pub(crate) fn may_drop<T: Serialize + ?Sized>(value: &T) -> bool {
    // An error of the type's own `Serialize` is not about depth.
    !matches!(stand_in(value, DROP_PARTS, false), Err(Stopped::TooDeep))
}

/// Whether a value may be written as JSON on this thread, where a level need not write a byte.
///
/// # Errors
/// [`Stopped::TooDeep`], [`Stopped::NotFinite`]; what else is wrong with it, JSON itself says.
pub(crate) fn may_write_json<T: Serialize + ?Sized>(value: &T) -> Result<(), Stopped> {
    match stand_in(value, JSON_PARTS, true) {
        Err(stopped @ (Stopped::TooDeep | Stopped::NotFinite)) => Err(stopped),
        _ => Ok(()),
    }
}

fn stand_in<T: Serialize + ?Sized>(
    value: &T,
    parts: usize,
    must_be_finite: bool,
) -> Result<(), Stopped> {
    let mut walk = Walk {
        floor: Floor::of_thread().one_in(parts),
        levels: 0,
        must_be_finite,
        hasher: None,
    };
    value.serialize(&mut walk)
}

/// BLAKE3 of what the value says it is: its types' and fields' names, lengths, variants and values.
///
/// # Errors
/// [`Stopped`]: a field that is left out is one.
pub(crate) fn witness<T: Serialize + ?Sized>(value: &T) -> Result<[u8; 32], Stopped> {
    let mut walk = Walk {
        floor: Floor::of_thread(),
        levels: 0,
        must_be_finite: false,
        hasher: Some(blake3::Hasher::new_derive_key(
            "refit 2026 witness of a value",
        )),
    };
    value.serialize(&mut walk)?;
    let hasher = walk.hasher.unwrap_or_default();
    Ok(*hasher.finalize().as_bytes())
}

struct Walk {
    floor: Floor,
    /// Levels that were left; see the module's text.
    levels: u64,
    /// Whether a NaN or an infinity ends the walk.
    must_be_finite: bool,
    /// Takes what the value is, if somebody asks.
    hasher: Option<blake3::Hasher>,
}

impl Walk {
    fn inside<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
        if self.floor.is_reached() {
            return Err(Stopped::TooDeep);
        }
        let walked = value.serialize(&mut *self);
        self.levels = std::hint::black_box(self.levels.wrapping_add(1));
        walked
    }

    /// Hashes a kind of thing and its bytes.
    #[inline]
    fn say(&mut self, what: u8, bytes: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            let mut head = [what; 9];
            head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            hasher.update(&head);
            hasher.update(bytes);
        }
    }

    fn finite(&self, is_finite: bool) -> Result<(), Stopped> {
        if self.must_be_finite && !is_finite {
            return Err(Stopped::NotFinite);
        }
        Ok(())
    }

    fn name(&mut self, name: &str) {
        self.say(b'n', name.as_bytes());
    }

    fn length(&mut self, what: u8, length: usize) {
        self.say(what, &(length as u64).to_le_bytes());
    }
}

macro_rules! plain {
    ($($method:ident($ty:ty) = $what:literal;)*) => {$(
        fn $method(self, value: $ty) -> Result<(), Stopped> {
            self.say($what, &value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl ser::Serializer for &mut Walk {
    type Ok = ();
    type Error = Stopped;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain! {
        serialize_i8(i8) = b'i';
        serialize_i16(i16) = b'i';
        serialize_i32(i32) = b'i';
        serialize_i64(i64) = b'i';
        serialize_i128(i128) = b'i';
        serialize_u8(u8) = b'u';
        serialize_u16(u16) = b'u';
        serialize_u32(u32) = b'u';
        serialize_u64(u64) = b'u';
        serialize_u128(u128) = b'u';
    }

    fn serialize_f32(self, value: f32) -> Result<(), Stopped> {
        self.finite(value.is_finite())?;
        self.say(b'f', &canonical::single(value).to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Stopped> {
        self.finite(value.is_finite())?;
        self.say(b'f', &canonical::double(value).to_le_bytes());
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Stopped> {
        self.say(b'b', &[u8::from(value)]);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Stopped> {
        self.say(b'c', &u32::from(value).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Stopped> {
        self.say(b's', value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Stopped> {
        self.say(b'y', value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Stopped> {
        self.say(b'0', &[]);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stopped> {
        self.say(b'1', &[]);
        self.inside(value)
    }

    fn serialize_unit(self) -> Result<(), Stopped> {
        self.say(b'.', &[]);
        Ok(())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Stopped> {
        self.name(name);
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Stopped> {
        self.name(name);
        self.name(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Stopped> {
        self.name(name);
        self.inside(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stopped> {
        self.name(name);
        self.name(variant);
        self.inside(value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Stopped> {
        self.length(b'q', length.unwrap_or(usize::MAX));
        Ok(self)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self, Stopped> {
        self.length(b't', length);
        Ok(self)
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Self, Stopped> {
        self.name(name);
        self.serialize_tuple(length)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self, Stopped> {
        self.name(variant);
        self.serialize_tuple_struct(name, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self, Stopped> {
        self.length(b'm', length.unwrap_or(usize::MAX));
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self, Stopped> {
        self.serialize_tuple_struct(name, length)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self, Stopped> {
        self.serialize_tuple_variant(name, index, variant, length)
    }

    /// As postcard, whose bytes are judged.
    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! of_elements {
    ($($name:ident::$method:ident;)*) => {$(
        impl ser::$name for &mut Walk {
            type Ok = ();
            type Error = Stopped;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
                self.inside(value)
            }

            fn end(self) -> Result<(), Stopped> {
                Ok(())
            }
        }
    )*};
}
of_elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

impl ser::SerializeMap for &mut Walk {
    type Ok = ();
    type Error = Stopped;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stopped> {
        self.inside(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
        self.inside(value)
    }

    fn end(self) -> Result<(), Stopped> {
        Ok(())
    }
}

macro_rules! of_fields {
    ($($name:ident)*) => {$(
        impl ser::$name for &mut Walk {
            type Ok = ();
            type Error = Stopped;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                field: &'static str,
                value: &T,
            ) -> Result<(), Stopped> {
                self.name(field);
                self.inside(value)
            }

            /// Only a walk that asks what the value is may stop here: a drop drops the field as well.
            fn skip_field(&mut self, field: &'static str) -> Result<(), Stopped> {
                match self.hasher {
                    Some(_) => Err(Stopped::LeftOut { field }),
                    None => Ok(()),
                }
            }

            fn end(self) -> Result<(), Stopped> {
                Ok(())
            }
        }
    )*};
}
of_fields!(SerializeStruct SerializeStructVariant);
