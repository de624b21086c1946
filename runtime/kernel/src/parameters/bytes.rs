//! The canonical bytes of [`Parameters`], and their hash.

use super::{Parameters, ParametersError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The form of the canonical bytes; they begin with it.
pub const PARAMETERS_FORMAT: u8 = 2;

/// Most bytes that are read as parameters.
pub const PARAMETERS_BYTES_MAX: usize = 1 << 20;

/// Keeps the hash of parameters apart from every other hash.
const PARAMETERS_HASH_CONTEXT: &str = "refit 2026 parameters";

/// The hash of [`Parameters`]: BLAKE3 over their canonical bytes, in a context of its own.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParametersHash(pub [u8; 32]);

/// Reads a value behind the number of the form.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ParametersError> {
    if bytes.len() > PARAMETERS_BYTES_MAX {
        return Err(ParametersError::TooLarge { bytes: bytes.len() });
    }
    if let Some(found) = bytes.first().filter(|format| **format != PARAMETERS_FORMAT) {
        return Err(ParametersError::Format { found: *found });
    }
    let read: Result<(u8, T), _> = postcard::from_bytes(bytes);
    let (_, value) = read.map_err(|source| ParametersError::Malformed {
        bytes: bytes.len(),
        source,
    })?;
    Ok(value)
}

impl Parameters {
    /// The canonical bytes: [`PARAMETERS_FORMAT`] and the postcard form of the fields in their order.
    pub fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(&(PARAMETERS_FORMAT, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("parameters have only sized fields: {error}"),
        }
    }

    /// Reads back what [`Parameters::to_bytes`] gave.
    ///
    /// # Errors
    /// [`ParametersError`] if the bytes are no parameters, not the canonical form of some, or of such as
    /// [`Parameters::check`] refuses.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParametersError> {
        let parameters: Self = read(bytes)?;
        if parameters.to_bytes() != bytes {
            return Err(ParametersError::NotCanonical);
        }
        parameters.check()?;
        Ok(parameters)
    }

    /// Their hash.
    pub fn hash(&self) -> ParametersHash {
        let mut hasher = blake3::Hasher::new_derive_key(PARAMETERS_HASH_CONTEXT);
        hasher.update(&self.to_bytes());
        ParametersHash(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for ParametersHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ParametersHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParametersHash({self})")
    }
}
