//! Names of the running things: [`EngineId`] and [`ClientId`].
//!
//! An id is sixteen bytes and never changes while the engine lives, whatever code serves it.
//! A *root* engine, started by the node's configuration, has its name inside its id; an engine
//! spawned by another derives its id from its parent's and the parent's spawn counter, so that
//! two nodes that run the same blocks give the same ids.

use abi_stable::StableAbi;
use std::fmt;
use std::str::FromStr;

/// Longest name of a root engine, in bytes.
pub const ENGINE_NAME_BYTES_MAX: usize = 15;

/// Bit in the last byte of an id that marks a spawned engine.
const SPAWNED: u8 = 0x80;

/// The stable identity of one running engine.
///
/// Shown as its name if it is a root engine, else as 32 hexadecimal digits.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, StableAbi)]
pub struct EngineId([u8; 16]);

/// A text that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineIdError {
    /// The name is empty or too long.
    #[error("engine name `{name}` has {length} bytes; use 1 to {ENGINE_NAME_BYTES_MAX}")]
    Length {
        /// The name as given.
        name: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The name has a character outside the allowed set.
    #[error("engine name `{name}` has the character {character:?}; use a-z, 0-9, `-` and `_`")]
    Character {
        /// The name as given.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
}

impl EngineId {
    /// The id of the root engine called `name`: 1 to 15 bytes of `a-z`, `0-9`, `-`, `_`.
    ///
    /// # Errors
    /// [`EngineIdError`] names the length or the character that is not allowed.
    pub fn root(name: &str) -> Result<Self, EngineIdError> {
        if name.is_empty() || name.len() > ENGINE_NAME_BYTES_MAX {
            return Err(EngineIdError::Length {
                name: name.to_owned(),
                length: name.len(),
            });
        }
        let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(*c);
        if let Some(character) = name.chars().find(|c| !allowed(c)) {
            return Err(EngineIdError::Character {
                name: name.to_owned(),
                character,
            });
        }
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        bytes[15] = name.len() as u8;
        Ok(Self(bytes))
    }

    /// The id of the `counter`-th engine that `self` has spawned, counted from zero over its life.
    pub fn child(self, counter: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("refit 2026 engine id of a spawned engine");
        hasher.update(&self.0);
        hasher.update(&counter.to_le_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        bytes[15] |= SPAWNED;
        Self(bytes)
    }

    /// The name of a root engine; `None` for a spawned one.
    pub fn name(&self) -> Option<&str> {
        let length = usize::from(self.0[15]);
        if length == 0 || length > ENGINE_NAME_BYTES_MAX {
            return None;
        }
        let name = std::str::from_utf8(&self.0[..length]).ok()?;
        // Bytes that no name gives are no root's: they would be shown as a name that reads back as another id.
        (Self::root(name) == Ok(*self)).then_some(name)
    }

    /// The sixteen bytes of the id.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id with these bytes, as [`EngineId::to_bytes`] gave them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write_hex(f, &self.0),
        }
    }
}

impl fmt::Debug for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EngineId({self})")
    }
}

impl FromStr for EngineId {
    type Err = EngineIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse_hex(text) {
            Some(bytes) => Ok(Self(bytes)),
            None => Self::root(text),
        }
    }
}

/// The identity under which a client sends: a digest of the name it chose.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, StableAbi)]
pub struct ClientId([u8; 16]);

impl ClientId {
    /// The id of the client that calls itself `name`.
    pub fn of(name: &str) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..16]);
        Self(bytes)
    }

    /// The sixteen bytes of the id.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id with these bytes, as [`ClientId::to_bytes`] gave them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientId(")?;
        write_hex(f, &self.0)?;
        f.write_str(")")
    }
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

pub(crate) fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_what_it_shows() {
        let root = EngineId::root("kv").unwrap();
        assert_eq!(root.to_string(), "kv");
        assert_eq!("kv".parse::<EngineId>().unwrap(), root);
        let child = root.child(3);
        assert_eq!(child.to_string().len(), 32);
        assert_eq!(child.to_string().parse::<EngineId>().unwrap(), child);
        assert_eq!(child.name(), None);
        assert_ne!(child, root.child(4));
    }

    #[test]
    fn bytes_that_no_name_gives_read_back_from_what_they_show() {
        for (name, behind) in [(b'l', 7), (b'\n', 0), (b'K', 0)] {
            let mut bytes = [0; 16];
            (bytes[0], bytes[9], bytes[15]) = (name, behind, 1);
            let id = EngineId::from_bytes(bytes);
            assert_eq!(id.name(), None);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn a_bad_name_is_refused_with_its_fault() {
        assert!(matches!(
            EngineId::root(""),
            Err(EngineIdError::Length { length: 0, .. })
        ));
        assert!(matches!(
            EngineId::root("sixteen-letters-"),
            Err(EngineIdError::Length { .. })
        ));
        assert!(matches!(
            EngineId::root("Kv"),
            Err(EngineIdError::Character { character: 'K', .. })
        ));
    }
}
