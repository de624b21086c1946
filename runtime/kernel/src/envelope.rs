//! [`Envelope`]: the header of a message, from any sender; and [`Signed`], the part of it that an engine has written.
//!
//! A payload travels beside its envelope, because it lies elsewhere at each step: with the client's request, in
//! the arena of an outbox, in the arena of a chunk, in an image. A [`Letter`](crate::engines::mailbox::Letter) is an
//! envelope in a mailbox, and where its payload lies.

use crate::causes::CauseIndex;
use crate::keys::Ask;
use refit_abi::raw::{Codec, Delivery, DeliveryKind};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Sender};
use serde::{Deserialize, Serialize};

/// The header of a message. Images carry it as it is: the order of the fields is part of their form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender.
    pub sender: Sender,
    /// The sender's count.
    pub sequence: u64,
    /// The schema of its payload.
    pub schema: SchemaId,
    /// How the payload is written.
    pub codec: Codec,
    /// Whether it is a message, or the notice of one that was not delivered.
    #[serde(with = "is_notice")]
    pub kind: DeliveryKind,
    /// How it is answered; `None` if nobody waits for an answer.
    pub ask: Option<Ask>,
    /// The cause from which it comes in the end.
    pub cause: CauseIndex,
}

/// The part of the header that an engine writes when it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The sender.
    pub from: EngineId,
    /// The sender's count.
    pub sequence: u64,
    /// The schema of its payload.
    pub schema: SchemaId,
}

impl Envelope {
    /// As the module gets it, with what is in it.
    #[inline]
    pub(crate) fn delivery<'a>(&self, payload: &'a [u8]) -> Delivery<'a> {
        Delivery {
            sender: self.sender.into(),
            sequence: self.sequence,
            schema: self.schema,
            codec: self.codec,
            kind: self.kind,
            wants_reply: self.ask.is_some(),
            payload: payload.into(),
        }
    }
}

impl Signed {
    /// The envelope of an ordinary message, which comes of `cause`.
    #[inline]
    pub(crate) fn envelope(&self, cause: CauseIndex) -> Envelope {
        Envelope {
            sender: Sender::Engine(self.from),
            sequence: self.sequence,
            schema: self.schema,
            codec: Codec::Postcard,
            kind: DeliveryKind::Message,
            ask: None,
            cause,
        }
    }
}

impl Signed {
    /// As the module gets it, with what is in it. Which cause it comes of, no module learns.
    pub fn delivery<'a>(&self, payload: &'a [u8]) -> Delivery<'a> {
        self.envelope(CauseIndex::default()).delivery(payload)
    }
}

/// In an image the kind of a delivery is one bit.
mod is_notice {
    use refit_abi::raw::DeliveryKind;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(kind: &DeliveryKind, to: S) -> Result<S::Ok, S::Error> {
        (*kind == DeliveryKind::Undelivered).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DeliveryKind, D::Error> {
        Ok(match bool::deserialize(from)? {
            true => DeliveryKind::Undelivered,
            false => DeliveryKind::Message,
        })
    }
}
