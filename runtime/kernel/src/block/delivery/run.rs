//! Delivers the messages of engines: by the run.
//!
//! A *run* is what one engine sent to another, one after the other. Where the receiver is and whether it may be
//! written to are asked once for a run, and what causes have done is counted once for those of its messages that
//! follow one another because of one cause: a batch that an engine hands on is one run. What comes of it is what its
//! messages give one by one, in their order: those that are certain to be taken are put into the mailbox together,
//! and from the first that is not, each goes the way of a single message.

use super::Origin;
use crate::amount::Amount;
use crate::engines::outbox::{Outbox, Outgoing};
use crate::engines::slot::{Slot, SlotState};
use crate::envelope::Envelope;
use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::outcome::BlockOutcome;
use refit_abi::descriptor::Ability;

impl Executor {
    /// Delivers what the handlers of one chunk have sent.
    pub(crate) fn route_sends(
        &mut self,
        outbox: &Outbox,
        table: &GenerationTable,
        out: &mut BlockOutcome,
    ) {
        for run in outbox.sends.chunk_by(Outgoing::is_of_run) {
            let put = self.put_run(run, &outbox.bytes, table, out);
            for send in &run[put..] {
                let payload = &outbox.bytes[send.payload.clone()];
                let origin = Origin::Engine(send.kind, table);
                self.deliver_as(origin, send.to, send.envelope(), payload, out);
            }
        }
    }

    /// Puts the first messages of a run into the receiver's mailbox; returns how many. What is refused or held back
    /// is not among them.
    fn put_run(
        &mut self,
        run: &[Outgoing],
        bytes: &[u8],
        table: &GenerationTable,
        out: &mut BlockOutcome,
    ) -> usize {
        let [first, ..] = run else { return 0 };
        let Some(place) = self.engines.directory.get(first.to) else {
            return 0;
        };
        let mut chunk = self.engines.chunks[place.chunk as usize].write();
        let chunk = &mut *chunk;
        let slot = &mut chunk.slots[place.slot as usize];
        self.settled(slot, out);
        let is_open = matches!(slot.state, SlotState::Live(_)) && !slot.mailbox.holds();
        if !is_open || !table.may(first.kind, Ability::Message, slot.kind) {
            return 0;
        }
        let mut room = self.room(slot);
        let had_mail = !slot.mailbox.is_empty();
        let mut put = 0;
        for part in run.chunk_by(|one, next| one.cause == next.cause) {
            let cause = part[0].cause;
            let amount = match self.causes.is_paused(cause) {
                true => Amount::default(),
                false => room.take(part),
            };
            let count = amount.letters;
            if count == 0 {
                break;
            }
            for send in &part[..count] {
                let payload = &bytes[send.payload.clone()];
                slot.mailbox.put(send.envelope(), payload, &mut chunk.arena);
            }
            self.causes.add_letters(cause, amount, true);
            self.engines.waiting.letters += count;
            self.engines.waiting.bytes += amount.bytes;
            put += count;
            if count < part.len() {
                break;
            }
        }
        if put > 0 && !had_mail {
            if chunk.active.is_empty() {
                self.engines.active.push(place.chunk);
            }
            chunk.active.push(place.slot);
        }
        put
    }

    /// The room left in an engine's mailbox for messages of engines.
    fn room(&self, slot: &Slot) -> Amount {
        let most = &self.parameters.mailbox;
        let letters = self.engines.waiting.letters + self.engines.held.letters;
        let bytes = self.engines.waiting.bytes + self.engines.held.bytes;
        // Clients may have filled what is kept for them beyond that: then a message without a byte has no room either.
        let left = |most: usize, now: usize| most.checked_sub(now);
        let room = || {
            Some(Amount {
                letters: left(most.all_messages, letters)?
                    .min(left(most.messages, slot.mailbox.waiting())?),
                bytes: left(most.all_bytes, bytes)?.min(left(most.bytes, slot.mailbox.bytes())?),
            })
        };
        room().unwrap_or_default()
    }
}

impl Amount {
    /// Takes off what the first of some messages need, as far as there is room; returns how much that is.
    fn take(&mut self, sends: &[Outgoing]) -> Self {
        let mut taken = Self::default();
        for send in sends.iter().take(self.letters) {
            let more = taken.bytes + send.payload.len();
            if more > self.bytes {
                break;
            }
            taken.letters += 1;
            taken.bytes = more;
        }
        self.letters -= taken.letters;
        self.bytes -= taken.bytes;
        taken
    }
}

impl Outgoing {
    /// Whether the next one is of the same run.
    fn is_of_run(&self, next: &Self) -> bool {
        (self.signed.from, self.to) == (next.signed.from, next.to)
    }

    #[inline]
    fn envelope(&self) -> Envelope {
        self.signed.envelope(self.cause)
    }
}
