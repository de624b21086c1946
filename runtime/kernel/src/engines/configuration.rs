//! [`Configuration`]: what an engine is started with.

use refit_abi::raw::Codec;

/// The configuration of an engine, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration<'a> {
    /// How.
    pub codec: Codec,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> Configuration<'a> {
    /// As an operator writes it.
    pub fn json(bytes: &'a [u8]) -> Self {
        let codec = Codec::Json;
        Self { codec, bytes }
    }

    /// As an engine writes that of another.
    pub fn postcard(bytes: &'a [u8]) -> Self {
        let codec = Codec::Postcard;
        Self { codec, bytes }
    }
}
