//! The clients' and the waiting messages while the words of their kind change: the old code reads each, as it would
//! have handled it, and writes it in postcard, which has no words.
//!
//! [`Quiesced::reword`] only looks; [`Quiesced::put_reworded`] puts the new payloads into their letters,
//! and cannot fail. In between no mail moves: no handler runs, and what an upgrade sends comes later.

use crate::engines::mailbox::Letter;
use crate::engines::slot::{Slot, SlotState};
use crate::envelope::Envelope;
use crate::generation::table::KindIndex;
use crate::swap::acceptance::Unaccepted;
use crate::swap::quiesced::Quiesced;
use refit_abi::EngineId;
use refit_abi::host::{CallError, Kind};
use refit_abi::raw::{Codec, DeliveryKind};
use refit_abi::schema::SchemaId;

/// Letters of clients, written again.
#[derive(Debug, Default)]
#[must_use = "they are to be put into their mailboxes with the commit"]
pub struct Reworded {
    letters: Vec<RewordedLetter>,
    schema: SchemaId,
    unread: Option<EngineId>,
}

#[derive(Debug)]
struct RewordedLetter {
    chunk: usize,
    slot: u32,
    /// Its index in the mailbox.
    index: usize,
    payload: Vec<u8>,
}

/// A kind whose code changes.
#[derive(Clone, Copy, Debug)]
pub struct Rewording<'a> {
    /// Its index in the table.
    pub kind: KindIndex,
    /// The code that is live.
    pub old: &'a Kind,
    /// The code that comes.
    pub new: &'a Kind,
}

impl Quiesced<'_> {
    /// Reads, with the old code, what clients wrote to live engines of the kind. What the old code would have
    /// refused stays as it is. Runs engine code: on the crew only.
    pub fn reword(&self, change: Rewording<'_>) -> Reworded {
        let schema = change.old.descriptor().message;
        let (mut letters, mut unread) = (Vec::new(), None);
        for (number, chunk) in self.executor().engines.chunks.iter().enumerate() {
            let chunk = chunk.read();
            for active in &chunk.active {
                let Some(slot) = chunk.slots.get(*active as usize) else {
                    continue;
                };
                for (index, letter) in change.written_to(slot) {
                    let payload = letter.payload(&chunk.arena);
                    let Some(payload) = change.message(&letter.envelope, payload) else {
                        continue;
                    };
                    if unread.is_none() && !change.is_read(&payload) {
                        unread = Some(slot.id);
                    }
                    let (chunk, slot) = (number, *active);
                    letters.push(RewordedLetter {
                        chunk,
                        slot,
                        index,
                        payload,
                    });
                }
            }
        }
        Reworded {
            letters,
            schema,
            unread,
        }
    }

    /// Puts what [`Quiesced::reword`] gave into the mailboxes, in the place of what was there.
    pub fn put_reworded(&mut self, reworded: Reworded) {
        for new in reworded.letters {
            let executor = &mut *self.executor;
            let chunk = &mut *executor.engines.chunks[new.chunk].write();
            let Some(slot) = chunk.slots.get_mut(new.slot as usize) else {
                continue;
            };
            let (mailbox, arena) = (&mut slot.mailbox, &mut chunk.arena);
            let rewritten = mailbox.rewrite(new.index, &new.payload, arena, |envelope| {
                (envelope.codec, envelope.schema) = (Codec::Postcard, reworded.schema);
            });
            // It is counted as long as it is now: that much is taken off when it is handled.
            if let Some((cause, before)) = rewritten {
                let waiting = &mut executor.engines.waiting;
                waiting.bytes = waiting.bytes - before + new.payload.len();
                executor.causes.resize(cause, before, new.payload.len());
            }
        }
    }
}

impl Rewording<'_> {
    /// The clients' messages to an engine, if this kind's code would handle it.
    fn written_to<'s>(&self, slot: &'s Slot) -> impl Iterator<Item = (usize, &'s Letter)> {
        let concerns = slot.kind == self.kind && matches!(slot.state, SlotState::Live(_));
        let letters = match concerns {
            true => slot.mailbox.letters(),
            false => &[],
        };
        let letters = letters.iter().enumerate();
        letters.filter(|(_, Letter { envelope, .. })| {
            envelope.codec == Codec::Json && envelope.kind == DeliveryKind::Message
        })
    }

    /// One message in postcard; `None` if the old code would refuse it.
    fn message(&self, envelope: &Envelope, payload: &[u8]) -> Option<Vec<u8>> {
        if !self.new.descriptor().accepts(self.old.descriptor().message) {
            // It aborts the upgrade, or becomes a dead letter as it is.
            return None;
        }
        let (mut bytes, payload) = (Vec::new(), (envelope.codec, payload));
        let read = self
            .old
            .rewrite_message(envelope.schema, payload, &mut bytes);
        read.is_ok().then_some(bytes)
    }

    /// Whether the new code reads what the old code wrote. A conversion that refuses has read it.
    fn is_read(&self, payload: &[u8]) -> bool {
        let schema = self.old.descriptor().message;
        let payload = (Codec::Postcard, payload);
        let read = self.new.rewrite_message(schema, payload, &mut Vec::new());
        matches!(read, Ok(()) | Err(CallError::Fault(_)))
    }
}

impl Reworded {
    /// The first message that the new code takes by its schema and yet does not read.
    pub fn unaccepted(&self) -> Option<Unaccepted> {
        let schema = self.schema;
        self.unread.map(|engine| Unaccepted { engine, schema })
    }
}
