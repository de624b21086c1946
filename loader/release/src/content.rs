//! Ids that name content: BLAKE3 of the bytes, one type for each thing that is named.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 64 hexadecimal digits")]
pub struct ContentIdError;

macro_rules! content_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The id of these bytes.
            pub fn of(bytes: &[u8]) -> Self {
                Self(*blake3::hash(bytes).as_bytes())
            }

            /// The id with this hash.
            pub const fn from_bytes(hash: [u8; 32]) -> Self {
                Self(hash)
            }

            /// The 32 bytes of the hash.
            pub const fn to_bytes(self) -> [u8; 32] {
                self.0
            }

            /// The first 12 hexadecimal digits: enough for people, never for a decision.
            pub fn short(&self) -> String {
                self.to_string()[..12].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ContentIdError;

            fn from_str(text: &str) -> Result<Self, ContentIdError> {
                let hash = blake3::Hash::from_hex(text).map_err(|_| ContentIdError)?;
                Ok(Self(*hash.as_bytes()))
            }
        }
    };
}

content_id! {
    /// Names a release: the hash of its manifest's bytes.
    ReleaseId
}
content_id! {
    /// Names a keyset: the hash of its bytes.
    KeysetId
}
content_id! {
    /// Names a file of a release: a library, a native library, a host binary.
    FileId
}
content_id! {
    /// Names a tree of source: the hash of its listing ([`crate::tree`]).
    SourceRoot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_from_its_text_and_from_no_other() {
        let id = ReleaseId::of(b"manifest");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with(&id.short()));
        for text in ["", "xyz", &id.to_string()[1..], &format!("{id}0")] {
            assert_eq!(text.parse::<ReleaseId>(), Err(ContentIdError), "{text}");
        }
    }
}
