//! Carries out a handler's answer to each message of its batch: sends the reply, or the reason why there is none, to
//! the sender.

use crate::block::running::Running;
use crate::engines::outbox::Notice;
use crate::engines::room::Made;
use crate::engines::undelivered::Hears;
use crate::limits::EFFECT_OVERHEAD_BYTES;
use crate::outcome::trouble::{self, Trouble, Wrong};
use crate::reply::error::ReplyError;
use refit_abi::host::CallError;
use refit_abi::raw::{CallStatus, DeliveryKind};
use refit_abi::{FAULT_DETAIL_BYTES_MAX, Fault, Sender, Undelivered};

impl Running<'_> {
    #[inline]
    fn answer(&mut self, index: usize, outcome: Result<Vec<u8>, ReplyError>) {
        let engine = self.id;
        if let Some(answer) = self
            .letters
            .get(index)
            .and_then(|letter| letter.envelope.answer(engine, outcome))
        {
            self.outbox.answers.push(answer);
        }
    }

    /// The reply to a message that was handled.
    #[inline]
    pub(super) fn reply_with(&mut self, index: usize, bytes: &[u8]) {
        if bytes.len() > self.parameters.message.reply_bytes {
            return self.too_large(index, bytes.len());
        }
        let more = Made {
            deeds: 0,
            bytes: 0,
            effect_bytes: bytes.len() + EFFECT_OVERHEAD_BYTES,
        };
        match self.turn.take(more, &mut self.outbox.common) {
            true => self.answer(index, Ok(bytes.to_vec())),
            false => self.no_room(index, bytes.len()),
        }
    }

    /// The message was handled, and the replies of its round have no room for its own.
    #[cold]
    fn no_room(&mut self, index: usize, bytes: usize) {
        let bytes_max = self.parameters.round.effect_bytes;
        self.tell_of(index, |sender, sequence| Wrong::NoRoom {
            sender,
            sequence,
            bytes,
            bytes_max,
        });
        let engine = self.id;
        let no_room = ReplyError::NoRoom {
            engine,
            bytes,
            bytes_max,
        };
        self.answer(index, Err(no_room));
    }

    /// The reply to a message that was handled is too long to be passed on.
    #[cold]
    fn too_large(&mut self, index: usize, bytes: usize) {
        let bytes_max = self.parameters.message.reply_bytes;
        self.tell_of(index, |sender, sequence| Wrong::TooLarge {
            sender,
            sequence,
            bytes,
            bytes_max,
        });
        let engine = self.id;
        let too_large = ReplyError::TooLarge {
            engine,
            bytes,
            bytes_max,
        };
        self.answer(index, Err(too_large));
    }

    /// Reports a fault that no client gets.
    fn tell_of_fault(&mut self, index: usize, fault: &Fault) {
        let letter = self.letters.get(index);
        if letter.is_some_and(|letter| letter.envelope.ask.is_none()) {
            self.tell_of(index, |sender, sequence| Wrong::Faulted {
                sender,
                sequence,
                code: fault.code.clone(),
            });
        }
    }

    /// Has the log say what went wrong with a message, given its sender and its sequence.
    fn tell_of(&mut self, index: usize, what: impl FnOnce(Sender, u64) -> Wrong) {
        let Some(letter) = self.letters.get(index) else {
            return;
        };
        let (engine, entry, envelope) = (self.id, self.table.get(self.kind), &letter.envelope);
        trouble::keep(&mut self.outbox.troubles, || {
            Trouble::of(engine, entry, what(envelope.sender, envelope.sequence))
        });
    }

    /// Tells of a message that reached its handler and came to nothing. A client has its answer already.
    fn notify(&mut self, index: usize, reason: Undelivered) {
        // A notice has an engine as its sender too, but that engine sent nothing.
        let letter = self
            .letters
            .get(index)
            .filter(|letter| letter.envelope.kind == DeliveryKind::Message);
        let Some(letter) = letter else { return };
        let envelope = &letter.envelope;
        match (envelope.hears(self.id, reason), envelope.sender) {
            (Hears::Engine(notice), _) => self.outbox.notices.push(notice),
            // A fault drops what the handler set in place of this timer: the engine may want to set it again.
            (Hears::Nobody, Sender::Timer) if reason == Undelivered::Faulted => {
                self.outbox.notices.push(Notice {
                    to: self.id,
                    about: self.id,
                    reason,
                    cause: envelope.cause,
                });
            }
            // A timer has no sender. After a panic the poison is the report.
            (Hears::Nobody, Sender::Timer) if reason == Undelivered::Rejected => {
                let payload = letter.payload(self.arena);
                self.outbox.bounce(self.id, envelope, payload, reason);
            }
            (Hears::Client(_) | Hears::Nobody, _) => {}
        }
    }

    /// A message failed: drops its outputs, and answers its sender.
    pub(super) fn came_to_nothing(&mut self, index: usize, status: CallStatus, bytes: &[u8]) {
        self.drop_outputs(index);
        let effect_bytes = bytes.len().min(FAULT_DETAIL_BYTES_MAX) + EFFECT_OVERHEAD_BYTES;
        self.turn.charge(effect_bytes);
        let engine = self.id;
        let failed = self.failed.replace(index);
        match CallError::of_reply(status, bytes) {
            CallError::Fault(fault) => {
                self.outbox.count_fault(self.kind);
                self.tell_of_fault(index, &fault);
                self.answer(index, Err(ReplyError::Fault(fault)));
                self.notify(index, Undelivered::Faulted);
            }
            CallError::Panicked { text } => {
                self.panic = Some(text.clone());
                // A message with a fault was answered already when it said so, before its state was to come back.
                if failed != Some(index) {
                    self.answer(index, Err(ReplyError::Panicked { engine, text }));
                    self.notify(index, Undelivered::Poisoned);
                }
            }
            CallError::RolledBack { text } => {
                self.outbox.stats.rolled_back += 1;
                self.tell_of(index, |sender, sequence| Wrong::RolledBack {
                    sender,
                    sequence,
                    text: text.clone(),
                });
                self.answer(index, Err(ReplyError::RolledBack { engine, text }));
                self.notify(index, Undelivered::Faulted);
            }
            CallError::Rejected { reason } => {
                self.answer(index, Err(ReplyError::Rejected { engine, reason }));
                self.notify(index, Undelivered::Rejected);
            }
            other => {
                let reason = other.to_string();
                self.answer(index, Err(ReplyError::Rejected { engine, reason }));
            }
        }
    }
}
