//! [`PublicKey`].

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What the text of a key begins with.
const SCHEME: &str = "ed25519:";

/// The key of somebody who signs. Its text is `ed25519:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "[u8; 32]", into = "[u8; 32]")]
pub struct PublicKey([u8; 32]);

/// Why bytes or a text are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is of another form.
    #[error("a key is `ed25519:` and 64 hexadecimal digits")]
    Text,
    /// The bytes are no point of the curve.
    #[error("the key is no point of the curve ed25519")]
    NoPoint,
    /// The point is written in another way than it has to be.
    #[error("the key is not written in its canonical form")]
    NotCanonical,
    /// Its order is small: anybody can sign for it.
    #[error("the key is weak: anybody can sign for it")]
    Weak,
}

impl PublicKey {
    /// The key with these bytes.
    ///
    /// # Errors
    /// [`KeyError`]; never [`KeyError::Text`].
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NoPoint)?;
        if key.to_edwards().compress().to_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        match key.is_weak() {
            true => Err(KeyError::Weak),
            false => Ok(Self(bytes)),
        }
    }

    /// One that was looked at before.
    pub(super) const fn known(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, as RFC 8032 writes them.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Whether these 64 bytes are its signature of the message: the strict check, which every implementation decides alike.
    pub fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        // It was a key when it was made.
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl TryFrom<[u8; 32]> for PublicKey {
    type Error = KeyError;

    fn try_from(bytes: [u8; 32]) -> Result<Self, KeyError> {
        Self::from_bytes(bytes)
    }
}

impl From<PublicKey> for [u8; 32] {
    fn from(key: PublicKey) -> Self {
        key.0
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let digits = text.strip_prefix(SCHEME).ok_or(KeyError::Text)?;
        let bytes = blake3::Hash::from_hex(digits).map_err(|_| KeyError::Text)?;
        Self::from_bytes(*bytes.as_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}
