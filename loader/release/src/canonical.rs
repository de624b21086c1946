//! The bytes of a record: [postcard](https://postcard.jamesmunns.com/wire-format), and for each value one encoding alone.
//!
//! Postcard reads a number that is longer than it needs to be, and stops where the value ends. A record that was written so
//! would be the same value under another id. So what was read is written again, and must give the very bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They do not read as the type.
    #[error("the bytes are not a record of this kind: {detail}")]
    Malformed {
        /// What the decoder met.
        detail: String,
    },
    /// They read as a value that is written in other bytes.
    #[error("the bytes are not the canonical ones of what they say")]
    NotCanonical,
}

/// The bytes of a value.
///
/// # Errors
/// [`DecodeError::Malformed`] if the value cannot be written.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, DecodeError> {
    postcard::to_allocvec(value).map_err(malformed)
}

/// The value with these very bytes.
///
/// # Errors
/// [`DecodeError`].
pub fn decode<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, rest) = postcard::take_from_bytes::<T>(bytes).map_err(malformed)?;
    match rest.is_empty() && encode(&value)? == bytes {
        true => Ok(value),
        false => Err(DecodeError::NotCanonical),
    }
}

fn malformed(error: postcard::Error) -> DecodeError {
    DecodeError::Malformed {
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_encoding() {
        let bytes = encode(&(300_u64, "name".to_owned())).unwrap();
        assert_eq!(decode(&bytes), Ok((300_u64, "name".to_owned())));
        // 1, in two bytes; and the same with a byte behind it.
        assert_eq!(decode::<u64>(&[0x81, 0x00]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<u64>(&[0x01, 0x00]), Err(DecodeError::NotCanonical));
        assert!(matches!(
            decode::<u64>(&[]),
            Err(DecodeError::Malformed { .. })
        ));
    }
}
