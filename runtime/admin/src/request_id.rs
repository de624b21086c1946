//! The key under which a client sends: `CLIENT/SEQUENCE`, from the header `Idempotency-Key`.
//!
//! Two sends with equal keys are one request: it is executed once, and the second send gets the
//! recorded reply. So the text has exactly one form: no sign, no leading zero, no space.

use std::fmt;
use std::str::FromStr;

/// Longest client name, in bytes.
pub const CLIENT_BYTES_MAX: usize = 64;

/// One request of one client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId {
    /// The client's name for itself: 1 to [`CLIENT_BYTES_MAX`] of `A-Z`, `a-z`, `0-9`, `.`, `_`,
    /// `-`.
    pub client: String,
    /// The client's own number for the request, at least 1.
    pub sequence: u64,
}

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestIdError {
    /// There is no `/`.
    #[error("`{key}` has no `/` between client and sequence")]
    Separator {
        /// The key as given.
        key: String,
    },
    /// The client name is empty or too long.
    #[error("the client name has {length} bytes; use 1 to {CLIENT_BYTES_MAX}")]
    ClientLength {
        /// Its length in bytes.
        length: usize,
    },
    /// The client name has a character outside the allowed set.
    #[error("the client name has the character {character:?}; use A-Z, a-z, 0-9, `.`, `_` and `-`")]
    ClientCharacter {
        /// The first character that is not allowed.
        character: char,
    },
    /// The sequence is no number of at least 1 in its plain form.
    #[error("the sequence `{sequence}` is not a decimal number from 1 to {max}", max = u64::MAX)]
    Sequence {
        /// The sequence as given.
        sequence: String,
    },
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        let (client, sequence) = key
            .split_once('/')
            .ok_or_else(|| RequestIdError::Separator {
                key: key.to_owned(),
            })?;
        check_client(client)?;
        Ok(Self {
            client: client.to_owned(),
            sequence: parse_sequence(sequence)?,
        })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.client, self.sequence)
    }
}

fn check_client(client: &str) -> Result<(), RequestIdError> {
    if client.is_empty() || client.len() > CLIENT_BYTES_MAX {
        return Err(RequestIdError::ClientLength {
            length: client.len(),
        });
    }
    let allowed = |c: char| matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    match client.chars().find(|c| !allowed(*c)) {
        Some(character) => Err(RequestIdError::ClientCharacter { character }),
        None => Ok(()),
    }
}

fn parse_sequence(text: &str) -> Result<u64, RequestIdError> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse()
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| RequestIdError::Sequence {
            sequence: text.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_what_it_shows() {
        for key in ["a/1", "load.test_7-x/18446744073709551615"] {
            assert_eq!(key.parse::<RequestId>().unwrap().to_string(), key);
        }
    }

    #[test]
    fn a_second_spelling_of_a_key_is_refused() {
        for key in [
            "a/01",
            "a/+1",
            "a/0",
            "a/",
            "a/1 ",
            "a/-1",
            "a/18446744073709551616",
            "a/1/2",
        ] {
            let error = key.parse::<RequestId>().unwrap_err();
            assert!(
                matches!(error, RequestIdError::Sequence { .. }),
                "{key}: {error}"
            );
        }
    }

    #[test]
    fn a_bad_client_name_is_refused_with_its_fault() {
        let refuse = |key: &str| key.parse::<RequestId>().unwrap_err();
        assert!(matches!(refuse("abc"), RequestIdError::Separator { .. }));
        assert_eq!(refuse("/1"), RequestIdError::ClientLength { length: 0 });
        let long = format!("{}/1", "x".repeat(CLIENT_BYTES_MAX + 1));
        assert_eq!(
            refuse(&long),
            RequestIdError::ClientLength {
                length: CLIENT_BYTES_MAX + 1
            }
        );
        assert_eq!(
            refuse("ä/1"),
            RequestIdError::ClientCharacter { character: 'ä' }
        );
        assert_eq!(
            refuse("a b/1"),
            RequestIdError::ClientCharacter { character: ' ' }
        );
    }
}
