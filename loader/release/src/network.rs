//! [`Network`]: the name of the network of nodes that a record is for. It is signed with each record, so that what one network's
//! authority signed says nothing to another network, be the keys the same.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest name of a network, in bytes.
pub const NETWORK_BYTES_MAX: usize = 64;

/// What the hash of a name is derived for.
const CONTEXT: &str = "refit 2026 name of a network";

/// The name of a network: 1 to [`NETWORK_BYTES_MAX`] bytes of `a-z`, `0-9`, `-`, `_`, `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(String);

/// The text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network's name is 1 to {NETWORK_BYTES_MAX} bytes of a-z, 0-9, `-`, `_` and `.`")]
pub struct NetworkError;

impl Network {
    /// The 32 bytes that stand for it where something is signed.
    pub fn hash(&self) -> [u8; 32] {
        blake3::derive_key(CONTEXT, self.0.as_bytes())
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(name: String) -> Result<Self, NetworkError> {
        let is_known = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let fits = (1..=NETWORK_BYTES_MAX).contains(&name.len());
        match fits && name.bytes().all(is_known) {
            true => Ok(Self(name)),
            false => Err(NetworkError),
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(name: &str) -> Result<Self, NetworkError> {
        name.to_owned().try_into()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        let longest = "n".repeat(NETWORK_BYTES_MAX);
        for name in ["a", "acme.test-2_b", &longest] {
            assert_eq!(name.parse::<Network>().unwrap().to_string(), name);
        }
        let longer = "n".repeat(NETWORK_BYTES_MAX + 1);
        for name in ["", "Acme", "a b", "a/b", "ä", &longer] {
            assert_eq!(name.parse::<Network>(), Err(NetworkError), "{name}");
        }
    }

    #[test]
    fn other_names_have_other_hashes() {
        let hash = |name: &str| name.parse::<Network>().unwrap().hash();
        assert_ne!(hash("a"), hash("b"));
        assert_eq!(hash("a"), hash("a"));
    }
}
