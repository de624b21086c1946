//! Writes what others sent in the words of this code as postcard, which has no words: for code to come that
//! reads the same types by other names.

use super::batch;
use super::guard::{Failure, guarded, rejected, write};
use crate::export::History;
use crate::message::NotRead;
use crate::raw::{Bytes, CallStatus, Codec, InterfacePart, Sink};
use crate::schema::SchemaId;
use crate::{Engine, State, codec};

/// # Safety
/// `bytes` and `sink` live for the call: the host borrows the one and made the other for it.
pub(super) unsafe extern "C" fn rewrite<H: History>(
    part: InterfacePart,
    schema: SchemaId,
    codec: Codec,
    bytes: Bytes<'_>,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        let mut out = Vec::new();
        match part {
            InterfacePart::Config => {
                let config: <H::Engine as Engine>::Config =
                    codec::decode_exactly(codec, bytes.as_slice()).map_err(rejected)?;
                encode(&config, &mut out)?;
            }
            InterfacePart::Message => {
                let message = batch::decode::<H, H::Engine>(codec, schema, bytes.as_slice());
                let message = message.map_err(|error| match error {
                    NotRead::Other(reason) => Failure::Rejected(reason),
                    NotRead::Fault(fault) => Failure::Fault(fault),
                })?;
                encode(&message, &mut out)?;
            }
        }
        write(sink, &out);
        Ok(())
    })
}

fn encode<T: State>(value: &T, out: &mut Vec<u8>) -> Result<(), Failure> {
    let guarded = T::nature().is_guarded();
    codec::encode(Codec::Postcard, value, guarded, out).map_err(rejected)
}
