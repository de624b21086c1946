//! [`Value`]: a value of a described type, as a tree of names and texts.

use refit_abi::host::shown;
use std::fmt::{self, Write as _};

/// Longest text of a value that is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 160;

/// Bytes of a text of bytes that are shown.
const DIGITS_OF_BYTES_MAX: usize = 64;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A number, a text, an id: as it is shown.
    Plain(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A struct or a tuple.
    Fields(Vec<(String, Value)>),
    /// An enum's.
    Variant(String, Box<Value>),
    /// A list.
    List(Vec<Value>),
    /// A map: its keys, as they are shown, and its values.
    Map(Vec<(String, Value)>),
    /// A set.
    Set(Vec<String>),
    /// All bytes from a field on that is not described.
    Rest(Vec<u8>),
}

impl Value {
    /// The value of a unit struct, or of a variant without fields.
    pub(super) fn nothing() -> Self {
        Self::Fields(Vec::new())
    }

    /// The value in a line of bounded length.
    pub(super) fn shown(&self) -> String {
        shown(&self.to_string(), SHOWN_BYTES_MAX)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Bytes(bytes) => digits(f, bytes),
            Self::Rest(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Fields(fields) if fields.is_empty() => f.write_str("()"),
            Self::Fields(fields) => named(f, fields),
            Self::Map(entries) => named(f, entries),
            Self::Variant(name, value) if **value == Self::nothing() => f.write_str(name),
            Self::Variant(name, value) => write!(f, "{name} {value}"),
            Self::List(values) => listed(f, values),
            Self::Set(keys) => listed(f, keys),
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, entries: &[(String, Value)]) -> fmt::Result {
    f.write_char('{')?;
    for (at, (name, value)) in entries.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{name}: {value}")?;
    }
    f.write_char('}')
}

fn listed<T: fmt::Display>(f: &mut fmt::Formatter<'_>, values: &[T]) -> fmt::Result {
    f.write_char('[')?;
    for (at, value) in values.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{value}")?;
    }
    f.write_char(']')
}

fn digits(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    let first = bytes.iter().take(DIGITS_OF_BYTES_MAX);
    first
        .into_iter()
        .try_for_each(|byte| write!(f, "{byte:02x}"))?;
    match bytes.len() > DIGITS_OF_BYTES_MAX {
        true => write!(f, "… ({} bytes)", bytes.len()),
        false => Ok(()),
    }
}
