//! Decides who learns that a message did not arrive. It is decided here alone, for each finder: delivery that refuses
//! it, a poisoned or stopped engine that gives it back, an upgrade that gives it up.

use crate::engines::outbox::{Answer, Notice};
use crate::envelope::Envelope;
use crate::reply::error::ReplyError;
use refit_abi::raw::DeliveryKind;
use refit_abi::{EngineId, Sender, Undelivered};

/// The receiver of the notice that a message did not arrive, and the notice.
#[derive(Debug)]
pub(crate) enum Hears {
    /// The client that waits for its answer.
    Client(Answer),
    /// The engine that sent it.
    Engine(Notice),
    /// Nobody: it is a dead letter. Timers wait for nothing, and a notice of a notice would go on for ever.
    Nobody,
}

impl Envelope {
    /// The receiver of the notice that this message did not arrive at the engine `to`.
    pub(crate) fn hears(&self, to: EngineId, reason: Undelivered) -> Hears {
        let undelivered = Err(ReplyError::Undelivered { engine: to, reason });
        if let Some(answer) = self.answer(to, undelivered) {
            return Hears::Client(answer);
        }
        match self.sender {
            Sender::Engine(from) if self.kind == DeliveryKind::Message => Hears::Engine(Notice {
                to: from,
                about: to,
                reason,
                cause: self.cause,
            }),
            _ => Hears::Nobody,
        }
    }

    /// The answer to this message, which was for the engine `to`, if it is a client's.
    #[inline]
    pub(crate) fn answer(
        &self,
        to: EngineId,
        outcome: Result<Vec<u8>, ReplyError>,
    ) -> Option<Answer> {
        let (Some(ask), Sender::Client(client)) = (self.ask, self.sender) else {
            return None;
        };
        Some(Answer {
            engine: to,
            client,
            sequence: self.sequence,
            ask,
            outcome,
        })
    }

    /// Whether an answer is to this message.
    pub(crate) fn is_answered_by(&self, answer: &Answer) -> bool {
        let (client, ask) = (Sender::Client(answer.client), Some(answer.ask));
        (self.sender, self.sequence, self.ask) == (client, answer.sequence, ask)
    }
}
