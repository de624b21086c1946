//! Keys: [ed25519](https://www.rfc-editor.org/rfc/rfc8032), and of its keys only those that are nobody's in common.
//!
//! A [`PublicKey`] is a point that is written as RFC 8032, section 5.1.3 says, and whose order is not small. A point of small
//! order signs nearly every message without a secret; one with a second encoding would count as two keys.

mod public;
mod secret;

pub use public::{KeyError, PublicKey};
pub use secret::{SECRET_SCHEME, SecretKey, SecretKeyError};
