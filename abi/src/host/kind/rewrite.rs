//! Writes what others sent in a kind's words as postcard.

use super::Kind;
use crate::host::call::{Buffer, CallError};
use crate::host::running::{self, Call};
use crate::raw::{Codec, InterfacePart};
use crate::schema::SchemaId;

impl Kind {
    /// Appends a message as this kind reads it to `out`: as postcard, in the type of its newest version. The
    /// schema is the one that the message is stamped with.
    ///
    /// # Errors
    /// As the kind would refuse it: [`CallError::Rejected`], or the fault of a conversion.
    pub fn rewrite_message(
        &self,
        schema: SchemaId,
        (codec, message): (Codec, &[u8]),
        out: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        self.rewrite(InterfacePart::Message, schema, (codec, message), out)
    }

    /// Appends a configuration as this kind reads it to `out`, as postcard.
    ///
    /// # Errors
    /// [`CallError::Rejected`].
    pub fn rewrite_config(
        &self,
        (codec, config): (Codec, &[u8]),
        out: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        let schema = self.descriptor().config;
        self.rewrite(InterfacePart::Config, schema, (codec, config), out)
    }

    fn rewrite(
        &self,
        part: InterfacePart,
        schema: SchemaId,
        (codec, bytes): (Codec, &[u8]),
        out: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        let mut buffer = Buffer::new(out);
        let sink = buffer.sink();
        let _noted = running::note(self.label, Call::Rewrite, None);
        // SAFETY: the table is this module's, which is mapped while `self` lives; the bytes are borrowed and the
        // buffer behind the sink is ours, both for longer than the call.
        let status = unsafe { (self.table.rewrite)(part, schema, codec, bytes.into(), sink) };
        buffer.end(status)
    }
}
