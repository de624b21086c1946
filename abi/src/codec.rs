//! The two codecs at the seam: postcard between engines and in snapshots, JSON with clients.

use crate::exact;
use crate::raw::Codec;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Appends `value` to `out` as postcard.
///
/// A listed type cannot fail to encode as postcard: lengths are known and nothing is skipped.
pub(crate) fn to_postcard<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let outcome = postcard::serialize_with_flavor(value, Tail(out));
    debug_assert!(outcome.is_ok(), "a type of the closed list always encodes");
}

/// Appends `value` to `out` in `codec`.
pub(crate) fn encode<T: Serialize>(
    codec: Codec,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match codec {
        Codec::Postcard => {
            postcard::serialize_with_flavor(value, Tail(out)).map_err(|e| e.to_string())
        }
        Codec::Json => serde_json::to_writer(out, value).map_err(|e| e.to_string()),
    }
}

/// Reads a whole value; trailing bytes are an error.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(codec: Codec, bytes: &[u8]) -> Result<T, String> {
    match codec {
        Codec::Postcard => match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(trailing(rest.len())),
            Err(error) => Err(unreadable(&error)),
        },
        Codec::Json => serde_json::from_slice(bytes).map_err(|e| e.to_string()),
    }
}

/// As [`decode`], but of a JSON text nothing is passed over: what the type does not know is an error.
pub(crate) fn decode_exactly<T: DeserializeOwned>(codec: Codec, bytes: &[u8]) -> Result<T, String> {
    match codec {
        Codec::Postcard => decode(codec, bytes),
        Codec::Json => exact::from_json(bytes).map_err(|e| e.to_string()),
    }
}

/// Whether all that a JSON text names is part of `T`: a decoder passes over what it does not know.
pub(crate) fn is_exact<T: DeserializeOwned>(text: &[u8]) -> bool {
    exact::from_json::<T>(text).is_ok()
}

#[cold]
fn trailing(bytes: usize) -> String {
    format!("{bytes} bytes follow the value")
}

#[cold]
fn unreadable(error: &postcard::Error) -> String {
    error.to_string()
}

/// A postcard flavor that appends to a vector in slices.
struct Tail<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Tail<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self::Output> {
        Ok(())
    }
}
