//! [`SecretKey`]: it signs, shows itself to nobody by accident, and leaves memory zeroed.

use super::PublicKey;
use ed25519_dalek::{Signer, SigningKey};
use std::fmt;

/// What the text of a secret key begins with.
pub const SECRET_SCHEME: &str = "ed25519-secret:";

/// The secret half of a key.
pub struct SecretKey(SigningKey);

/// Why a text is no secret key. Nothing of the text is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// The text is of another form.
    #[error("a secret key is `{SECRET_SCHEME}` and 64 hexadecimal digits")]
    Text,
    /// The public half of the seed is no key that is taken.
    #[error("the key is of no use: {0}")]
    Public(#[from] super::KeyError),
}

impl SecretKey {
    /// The key that follows from 32 random bytes.
    ///
    /// # Errors
    /// [`SecretKeyError::Public`], for one seed in 2²⁴⁹.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SecretKeyError> {
        let key = SigningKey::from_bytes(seed);
        PublicKey::from_bytes(key.verifying_key().to_bytes())?;
        Ok(Self(key))
    }

    /// Reads what [`SecretKey::to_text`] wrote; white space around it does not count.
    ///
    /// # Errors
    /// [`SecretKeyError`].
    pub fn from_text(text: &str) -> Result<Self, SecretKeyError> {
        let digits = text.trim().strip_prefix(SECRET_SCHEME);
        let digits = digits.ok_or(SecretKeyError::Text)?;
        let seed = blake3::Hash::from_hex(digits).map_err(|_| SecretKeyError::Text)?;
        Self::from_seed(seed.as_bytes())
    }

    /// Its text, for a file that its owner alone may read.
    pub fn to_text(&self) -> String {
        let seed = blake3::Hash::from_bytes(self.0.to_bytes());
        format!("{SECRET_SCHEME}{}", seed.to_hex())
    }

    /// The half that everybody may know.
    pub fn public(&self) -> PublicKey {
        PublicKey::known(self.0.verifying_key().to_bytes())
    }

    /// The signature of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}
