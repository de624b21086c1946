//! [`Fixture`]: one engine's state with what is needed to read it again, as a small JSON text.
//!
//! `refit engine capture` writes one from a live engine; an author's tests load it and run a
//! migration on it. The text says itself which type the bytes are of, so a fixture that no longer
//! fits is found out before it is decoded.

use crate::Height;
use crate::codes;
use crate::host::Explain;
use crate::schema::SchemaId;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The format that this code writes and reads.
pub const FIXTURE_FORMAT: u32 = 1;

/// Largest state in a fixture, in bytes of postcard.
pub const FIXTURE_STATE_BYTES_MAX: usize = 16 << 20;

/// Longest JSON text of a fixture, in bytes: two digits for each byte of the state, and the rest.
pub const FIXTURE_TEXT_BYTES_MAX: usize = 2 * FIXTURE_STATE_BYTES_MAX + (64 << 10);

/// One engine's state, out of its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The format of the text: [`FIXTURE_FORMAT`].
    pub format: u32,
    /// The engine's kind.
    pub kind: String,
    /// `#[state(version = n)]` of the state, else 0.
    pub version: u32,
    /// Schema hash of the state: what the bytes mean.
    pub schema: SchemaId,
    /// The build of the code that wrote the bytes.
    pub build_id: String,
    /// The last block that the state has seen.
    pub height: Height,
    /// The state as postcard; hexadecimal digits in the text.
    #[serde(with = "digits")]
    pub state: Vec<u8>,
}

/// Why a text is no fixture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FixtureError {
    /// Longer than a fixture may be.
    #[error("the text has {bytes} bytes, a fixture at most {FIXTURE_TEXT_BYTES_MAX}")]
    TooLarge {
        /// The length of the text, in bytes.
        bytes: usize,
    },
    /// Another format.
    #[error("the fixture has format {found}, this code reads {FIXTURE_FORMAT}")]
    Format {
        /// The format that the text names.
        found: u32,
    },
    /// Not a fixture's JSON.
    #[error("the text is no fixture: {0}")]
    Json(#[from] serde_json::Error),
}

impl Explain for FixtureError {
    fn code(&self) -> &str {
        match self {
            Self::TooLarge { .. } => codes::FIXTURE_TOO_LARGE,
            Self::Format { .. } => codes::FIXTURE_FORMAT,
            Self::Json(_) => codes::FIXTURE_UNREADABLE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::TooLarge { .. } => "capture an engine with a smaller state",
            Self::Format { .. } | Self::Json(_) => {
                "capture it again: refit engine capture ID --out FILE"
            }
        })
    }
}

impl Fixture {
    /// The fixture as JSON, a field on each line.
    ///
    /// # Errors
    /// [`FixtureError::Json`], which no fixture that can be made gives.
    pub fn to_json(&self) -> Result<String, FixtureError> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads what [`Fixture::to_json`] wrote.
    ///
    /// # Errors
    /// [`FixtureError`].
    pub fn from_json(text: &str) -> Result<Self, FixtureError> {
        /// The one field that every format has.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        if text.len() > FIXTURE_TEXT_BYTES_MAX {
            return Err(FixtureError::TooLarge { bytes: text.len() });
        }
        let Head { format } = serde_json::from_str(text)?;
        if format != FIXTURE_FORMAT {
            return Err(FixtureError::Format { found: format });
        }
        Ok(serde_json::from_str(text)?)
    }
}

/// Bytes as hexadecimal digits.
mod digits {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 0xf));
        }
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = <Cow<'de, str>>::deserialize(d)?;
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let bytes: Option<Vec<u8>> = pairs
            .iter()
            .map(|[high, low]| Some(half(*high)? << 4 | half(*low)?))
            .collect();
        bytes
            .filter(|_| rest.is_empty())
            .ok_or_else(|| D::Error::custom("expected pairs of hexadecimal digits"))
    }

    fn half(digit: u8) -> Option<u8> {
        let value = char::from(digit).to_digit(16)?;
        u8::try_from(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> Fixture {
        Fixture {
            format: FIXTURE_FORMAT,
            kind: "kv".to_owned(),
            version: 2,
            schema: SchemaId([0x5c; 16]),
            build_id: "b1d0".repeat(8),
            height: Height(41),
            state: vec![0, 0xff, 0x5a],
        }
    }

    #[test]
    fn a_fixture_is_read_back_as_it_was_written() {
        let text = fixture().to_json().unwrap();
        assert!(text.contains("\"state\": \"00ff5a\""), "{text}");
        assert_eq!(Fixture::from_json(&text).unwrap(), fixture());
    }

    #[test]
    fn what_is_no_fixture_is_refused_by_name() {
        let text = fixture().to_json().unwrap();
        let broken = [
            ("\"format\": 1", "\"format\": 2", "fixture-format"),
            ("\"00ff5a\"", "\"00ff5\"", "fixture-unreadable"),
            ("\"00ff5a\"", "\"00fg5a\"", "fixture-unreadable"),
            ("\"version\"", "\"vision\"", "fixture-unreadable"),
            ("}", "", "fixture-unreadable"),
        ];
        for (old, new, code) in broken {
            let error = Fixture::from_json(&text.replace(old, new)).unwrap_err();
            assert_eq!(error.code(), code, "{old} as {new}");
            assert!(!error.next().is_empty());
        }
        let long = " ".repeat(FIXTURE_TEXT_BYTES_MAX + 1);
        let error = Fixture::from_json(&long).unwrap_err();
        assert_eq!(error.code(), "fixture-too-large");
    }
}
