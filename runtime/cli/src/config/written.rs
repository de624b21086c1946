//! Values that are text in the file, and are read as the flag of the same name is.

use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The form of a value, for the error about another one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    Time,
    Size,
    Address,
}

/// Reads the text in the file with `read`.
pub(super) fn written<'de, D: Deserializer<'de>, T>(
    from: D,
    what: Written,
    read: fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    let of = PhantomData;
    from.deserialize_str(Reader { what, read, of })
}

struct Reader<T> {
    what: Written,
    read: fn(&str) -> Result<T, String>,
    of: PhantomData<T>,
}

impl<T> Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.what {
            Written::Time => "a time with its unit, in quotes, such as \"5ms\" or \"1min 30s\"",
            Written::Size => "a size with its unit, in quotes, such as \"64 MiB\"",
            Written::Address => "an address in quotes, such as \"127.0.0.1:7070\"",
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).map_err(E::custom)
    }
}
