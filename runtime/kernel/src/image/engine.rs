//! [`EngineImage`]: one engine as plain data, with its mail.

use crate::engines::slot::Poison;
use crate::envelope::Envelope;
use crate::generation::kept::Kept;
use refit_abi::host::Witness;
use refit_abi::raw::Codec;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Height};
use serde::{Deserialize, Serialize};

/// One engine in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineImage {
    /// Its id.
    pub id: EngineId,
    /// The index of its kind among the kinds of the image.
    pub kind: u32,
    /// The engine that spawned it; `None` for a root engine.
    pub parent: Option<EngineId>,
    /// Its state.
    pub state: StateImage,
    /// Messages it has sent over its life.
    pub sent: u64,
    /// Engines it has spawned over its life.
    pub children: u64,
    /// Timers it has set over its life.
    pub timers_set: u64,
    /// Messages it has handled over its life.
    pub handled: u64,
    /// Messages it has handled in the block at the height beside it.
    pub ordinal: (u64, Height),
    /// Its configuration.
    pub config: (Codec, Vec<u8>),
    /// The schema that its code's configuration had then.
    pub config_schema: SchemaId,
    /// A configuration in JSON, as its code read it then, in postcard.
    pub config_read: Option<Vec<u8>>,
    /// Its mail, in order.
    pub mailbox: Vec<LetterImage>,
    /// Its state before the upgrade that could not settle it, if that has poisoned it.
    pub kept: Option<Kept>,
    /// The witness of its state, if it crosses as bytes: a reader of the bytes must get the same.
    pub witness: Option<Witness>,
}

/// A state in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateImage {
    /// It serves; the state as postcard.
    Live(Vec<u8>),
    /// It panicked; without the panic's text.
    Poisoned(Poison),
    /// It was not copied: its kind is not among those of [`ImageScope::kinds`](crate::ImageScope::kinds).
    Elsewhere,
}

/// One message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterImage {
    /// Its header. Its cause is one of those of the image.
    pub envelope: Envelope,
    /// The payload.
    pub payload: Vec<u8>,
}

impl EngineImage {
    /// Bytes of its state, its configuration and its mail.
    pub(crate) fn bytes(&self) -> usize {
        let state = match &self.state {
            StateImage::Live(bytes) => bytes.len(),
            StateImage::Poisoned(_) | StateImage::Elsewhere => 0,
        };
        let mail = self.mailbox.iter().map(|letter| letter.payload.len());
        let read = self.config_read.as_ref().map_or(0, Vec::len);
        let kept = self.kept.as_ref().map_or(0, |kept| kept.state.len());
        state + kept + self.config.1.len() + read + mail.sum::<usize>()
    }
}
