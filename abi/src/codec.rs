//! The two codecs at the seam: postcard between engines and in snapshots, JSON with clients.

use crate::canonical::Canonical;
use crate::depth::Floor;
use crate::exact;
use crate::raw::Codec;
use crate::{State, walk};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// Why a value was not written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is deeper than this thread's stack allows.
    TooDeep,
    /// A field is left out of the bytes.
    Incomplete { field: &'static str },
    /// The codec's message.
    Other(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::TooDeep => {
                f.write_str("it is nested deeper than a thread's stack allows; keep it flatter")
            }
            Refused::Incomplete { field } => {
                write!(f, "{}", walk::Stopped::LeftOut { field })
            }
            Refused::Other(reason) => f.write_str(reason),
        }
    }
}

/// The error by which the two guarded flavors say [`Refused::TooDeep`]. postcard itself never says so of
/// a vector, nor when it reads.
const TOO_DEEP: postcard::Error = postcard::Error::SerializeBufferFull;

impl From<postcard::Error> for Refused {
    #[cold]
    fn from(error: postcard::Error) -> Self {
        match error {
            TOO_DEEP => Refused::TooDeep,
            error => Refused::Other(error.to_string()),
        }
    }
}

/// Appends `value` to `out` as postcard.
///
/// A listed type cannot fail to encode as postcard: lengths are known and nothing is skipped.
pub(crate) fn to_postcard<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let outcome = postcard::serialize_with_flavor(value, Tail(out));
    debug_assert!(outcome.is_ok(), "a type of the closed list always encodes");
}

/// Appends a message, a reply or the like to `out` in `codec`. `guarded` is that of its type's nature.
#[inline]
pub(crate) fn encode<T: State>(
    codec: Codec,
    value: &T,
    guarded: bool,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    match codec {
        Codec::Postcard if guarded => encode_guarded(value, Floor::of_thread(), out),
        Codec::Postcard => Ok(postcard::serialize_with_flavor(value, Tail(out))?),
        Codec::Json => {
            if guarded {
                walk::may_write_json(value)?;
            }
            serde_json::to_writer(out, value).map_err(|e| Refused::Other(e.to_string()))
        }
    }
}

/// Reads a whole message or the like; trailing bytes are an error. `deep` is that of its type's nature.
#[inline(always)]
pub(crate) fn decode<T: State>(codec: Codec, bytes: &[u8], deep: bool) -> Result<T, Refused> {
    match codec {
        Codec::Postcard if deep => decode_deep(bytes),
        // `serde_json` counts levels itself.
        Codec::Postcard | Codec::Json => decode_flat(codec, bytes).map_err(Refused::Other),
    }
}

#[cold]
#[inline(never)]
fn decode_deep<T: State>(bytes: &[u8]) -> Result<T, Refused> {
    decode_guarded(bytes, Floor::of_thread())
}

/// Appends a state, or a part of one, to `out` as postcard.
pub(crate) fn encode_state<T: State>(state: &T, out: &mut Vec<u8>) -> Result<(), Refused> {
    let nature = T::nature();
    if nature.opaque {
        // Bytes with a field left out would read back as another value.
        walk::witness(state).map_err(Refused::from)?;
    }
    encode_guarded(state, Floor::if_deep(nature.is_deep()), out)
}

/// Reads a whole state from postcard; trailing bytes are an error.
pub(crate) fn decode_state<T: State>(bytes: &[u8]) -> Result<T, Refused> {
    decode_guarded(bytes, Floor::if_deep(T::nature().is_deep()))
}

impl From<walk::Stopped> for Refused {
    fn from(stopped: walk::Stopped) -> Self {
        match stopped {
            walk::Stopped::TooDeep => Refused::TooDeep,
            walk::Stopped::LeftOut { field } => Refused::Incomplete { field },
            stopped @ walk::Stopped::NotFinite => Refused::Other(stopped.to_string()),
            walk::Stopped::Other(reason) => Refused::Other(reason),
        }
    }
}

/// Each level of a recursive value writes at least a byte before the next: the tag or the length that
/// ends the recursion somewhere. So it is enough to look where bytes are written. Each NaN is written as one.
pub(crate) fn encode_guarded<T: Serialize>(
    value: &T,
    floor: Floor,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let out = Tail(out);
    let mut serializer = postcard::Serializer {
        output: GuardedTail { out, floor },
    };
    value.serialize(Canonical(&mut serializer))?;
    Ok(())
}

/// As [`encode_guarded`]: a level reads at least a byte before the next.
fn decode_guarded<T: DeserializeOwned>(bytes: &[u8], floor: Floor) -> Result<T, Refused> {
    let mut reader = postcard::Deserializer::from_flavor(GuardedHead { bytes, floor });
    let value = T::deserialize(&mut reader)?;
    match reader.finalize()? {
        [] => Ok(value),
        rest => Err(Refused::Other(trailing(rest.len()))),
    }
}

/// Reads a whole value of a type that is not recursive; trailing bytes are an error.
#[inline(always)]
pub(crate) fn decode_flat<T: DeserializeOwned>(codec: Codec, bytes: &[u8]) -> Result<T, String> {
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
pub(crate) fn decode_exactly<T: State>(codec: Codec, bytes: &[u8]) -> Result<T, Refused> {
    match codec {
        Codec::Postcard => decode(codec, bytes, T::nature().is_deep()),
        Codec::Json => exact::from_json(bytes).map_err(|e| Refused::Other(e.to_string())),
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

/// A [`Tail`] that looks at the stack.
struct GuardedTail<'a> {
    out: Tail<'a>,
    floor: Floor,
}

impl postcard::ser_flavors::Flavor for GuardedTail<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.floor.is_reached() {
            return Err(TOO_DEEP);
        }
        self.out.try_push(byte)
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.floor.is_reached() {
            return Err(TOO_DEEP);
        }
        self.out.try_extend(bytes)
    }

    fn finalize(self) -> postcard::Result<Self::Output> {
        Ok(())
    }
}

/// A postcard flavor that reads a slice and looks at the stack.
///
/// A list takes memory for as many elements as it says, unless it says more than there are bytes. Where lists may lie in
/// lists without end, as the floor says, each level could say as much: there a list grows with what is read.
struct GuardedHead<'de> {
    bytes: &'de [u8],
    floor: Floor,
}

impl<'de> postcard::de_flavors::Flavor<'de> for GuardedHead<'de> {
    type Remainder = &'de [u8];
    type Source = &'de [u8];

    #[inline]
    fn pop(&mut self) -> postcard::Result<u8> {
        if self.floor.is_reached() {
            return Err(TOO_DEEP);
        }
        let (byte, rest) = self
            .bytes
            .split_first()
            .ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.bytes = rest;
        Ok(*byte)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        // The bytes that are left: a list that claims more elements gets no memory for them ahead.
        Some(match self.floor == Floor::NONE {
            true => self.bytes.len(),
            false => 0,
        })
    }

    #[inline]
    fn try_take_n(&mut self, count: usize) -> postcard::Result<&'de [u8]> {
        if self.floor.is_reached() {
            return Err(TOO_DEEP);
        }
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn finalize(self) -> postcard::Result<&'de [u8]> {
        Ok(self.bytes)
    }
}
