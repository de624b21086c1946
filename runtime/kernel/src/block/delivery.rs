//! Delivery: puts one message into one mailbox, or answers its sender why it cannot.

mod run;

use crate::block::lives::settle;
use crate::engines::directory::Place;
use crate::engines::outbox::Notice;
use crate::engines::slot::{Slot, SlotState};
use crate::engines::timers::Timer;
use crate::engines::undelivered::Hears;
use crate::envelope::Envelope;
use crate::executor::Executor;
use crate::generation::table::{GenerationTable, KindIndex};
use crate::keys::{Ask, Key, RequestDigest};
use crate::outcome::BlockOutcome;
use crate::outcome::dead_letters::DeadLetter;
use refit_abi::descriptor::Ability;
use refit_abi::host::{BlockFrame, Ingress};
use refit_abi::raw::{Codec, DeliveryKind};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Sender, TimerId, Undelivered};

/// The source of a message.
#[derive(Clone, Copy)]
enum Origin<'a> {
    /// A client, which speaks to this generation.
    Client(&'a GenerationTable),
    /// An engine of this kind.
    Engine(KindIndex, &'a GenerationTable),
    /// A timer of the receiver.
    Timer(TimerId),
    /// A notice.
    Node,
}

impl Executor {
    /// Delivers the timers that are due, as far as their engines' mailboxes have room; what was promised stays due until
    /// there is.
    pub(crate) fn deliver_due_timers(&mut self, frame: BlockFrame, out: &mut BlockOutcome) {
        let mut timers = std::mem::take(&mut self.timers);
        timers.hand_on(frame.height, frame.time, |timer| {
            let fits = self.has_room(timer.engine, out);
            if fits {
                self.deliver_timer(timer, out);
            }
            fits
        });
        self.timers = timers;
    }

    /// Whether a letter for an engine is not refused for want of room.
    fn has_room(&self, engine: EngineId, out: &mut BlockOutcome) -> bool {
        let fits = self.fits_in_all(Origin::Timer(TimerId(0)), 0);
        let most = self.parameters.mailbox;
        let is_full = self.engines.with(engine, |slot| {
            self.settled(slot, out);
            matches!(slot.state, SlotState::Live(_))
                && (!fits
                    || slot.mailbox.waiting() >= most.messages
                    || slot.mailbox.bytes() >= most.bytes)
        });
        is_full != Some(true)
    }

    fn deliver_timer(&mut self, timer: &Timer, out: &mut BlockOutcome) {
        let envelope = Envelope {
            sender: Sender::Timer,
            sequence: 0,
            schema: timer.schema,
            codec: Codec::Postcard,
            kind: DeliveryKind::Message,
            ask: None,
            cause: timer.cause,
        };
        let (origin, to) = (Origin::Timer(timer.id), timer.engine);
        self.deliver_as(origin, to, envelope, &timer.payload, out);
        self.causes.drop_ref(timer.cause);
    }

    /// A client writes in the words of the code that is live now: its message is of that schema, also if it
    /// waits until other code is. One whose key is taken or answered is not delivered. It comes with its place in the
    /// block and the digest of its request, if that is known.
    pub(crate) fn deliver_ingress(
        &mut self,
        index: u64,
        request: Option<RequestDigest>,
        message: Ingress,
        table: &GenerationTable,
        out: &mut BlockOutcome,
    ) {
        let (ask, sequence) = match message.sequence {
            None => (Ask::Keyless(out.height), index),
            Some(sequence) => {
                let request = request.unwrap_or_else(|| RequestDigest::of_message(&message));
                debug_assert_eq!(
                    request,
                    RequestDigest::of_message(&message),
                    "it is of this message"
                );
                let key = Key {
                    client: message.client,
                    sequence,
                };
                if !self.admit(key, request, &message, out) {
                    return;
                }
                (Ask::Keyed, sequence)
            }
        };
        let cause = self.causes.begin();
        let envelope = Envelope {
            sender: Sender::Client(message.client),
            sequence,
            schema: SchemaId::default(),
            codec: message.codec,
            kind: DeliveryKind::Message,
            ask: Some(ask),
            cause,
        };
        let (to, payload) = (message.engine, &message.payload);
        self.deliver_as(Origin::Client(table), to, envelope, payload, out);
        self.causes.let_go(cause);
    }

    pub(crate) fn deliver_notice(&mut self, notice: &Notice, out: &mut BlockOutcome) {
        let Ok(payload) = postcard::to_allocvec(&(notice.about, notice.reason)) else {
            return;
        };
        let envelope = Envelope {
            sender: Sender::Engine(notice.about),
            sequence: 0,
            schema: SchemaId::default(),
            codec: Codec::Postcard,
            kind: DeliveryKind::Undelivered,
            ask: None,
            cause: notice.cause,
        };
        self.deliver(notice.to, envelope, &payload, out);
    }

    /// Puts a message into a mailbox, or answers its sender why it cannot.
    pub(crate) fn deliver(
        &mut self,
        to: EngineId,
        envelope: Envelope,
        payload: &[u8],
        out: &mut BlockOutcome,
    ) {
        self.deliver_as(Origin::Node, to, envelope, payload, out);
    }

    fn deliver_as(
        &mut self,
        origin: Origin<'_>,
        to: EngineId,
        envelope: Envelope,
        payload: &[u8],
        out: &mut BlockOutcome,
    ) {
        let refused = match self.engines.directory.get(to) {
            None => Some(self.engines.directory.absence(to)),
            Some(place) => self.put(place, envelope, payload, origin, out),
        };
        if let Some(reason) = refused {
            self.refuse(to, &envelope, payload, reason, out);
        }
    }

    /// Whether there is room for one more among all that waits.
    fn fits_in_all(&self, origin: Origin<'_>, bytes: usize) -> bool {
        let most = &self.parameters.mailbox;
        let (messages_kept, bytes_kept) = match origin {
            Origin::Engine(..) | Origin::Timer(_) => (0, 0),
            // Notices come in the numbers of what was refused: they leave the other half to clients.
            Origin::Node => (most.kept_messages / 2, most.kept_bytes / 2),
            Origin::Client(_) => (most.kept_messages, most.kept_bytes),
        };
        let letters = self.engines.waiting.letters + self.engines.held.letters;
        let waiting_bytes = self.engines.waiting.bytes + self.engines.held.bytes;
        letters < most.all_messages.saturating_add(messages_kept)
            && waiting_bytes + bytes <= most.all_bytes.saturating_add(bytes_kept)
    }

    /// Settles the state of an engine that gets a letter, if that is still to do: an engine that its settling poisons
    /// refuses letters from the update point on, whether the sweep has reached it or not.
    fn settled(&self, slot: &mut Slot, out: &mut BlockOutcome) {
        if let Some(table) = &self.settling.table
            && let Some(entry) = table.get(slot.kind)
        {
            settle(slot, entry, self.settling.update_point, out);
        }
    }

    fn put(
        &mut self,
        place: Place,
        mut envelope: Envelope,
        payload: &[u8],
        origin: Origin<'_>,
        out: &mut BlockOutcome,
    ) -> Option<Undelivered> {
        let fits = self.fits_in_all(origin, payload.len());
        let mut chunk = self.engines.chunks[place.chunk as usize].write();
        let chunk = &mut *chunk;
        let slot = &mut chunk.slots[place.slot as usize];
        self.settled(slot, out);
        if let Origin::Timer(id) = origin {
            slot.timers.take(id);
        }
        match slot.state {
            SlotState::Live(_) => {}
            SlotState::Poisoned(_) => return Some(Undelivered::Poisoned),
            SlotState::Away => return Some(Undelivered::Stopped),
        }
        match origin {
            Origin::Engine(kind, table) if !table.may(kind, Ability::Message, slot.kind) => {
                return Some(Undelivered::Forbidden);
            }
            Origin::Client(table) => {
                if let Some(entry) = table.get(slot.kind) {
                    envelope.schema = entry.kind.descriptor().message;
                }
            }
            Origin::Engine(..) | Origin::Timer(_) | Origin::Node => {}
        }
        let most = &self.parameters.mailbox;
        let (mailbox, bytes) = (&mut slot.mailbox, payload.len());
        let has_room = mailbox.waiting() < most.messages && mailbox.bytes() + bytes <= most.bytes;
        if !fits || !has_room {
            return Some(Undelivered::Full);
        }
        // A timer was counted when it was set.
        let is_charged = !matches!(origin, Origin::Timer(_));
        let cause = envelope.cause;
        if self.causes.is_paused(cause) || mailbox.holds_back(envelope.sender) {
            if mailbox.hold(envelope, payload) {
                self.engines.holders.push(slot.id);
            }
            self.engines.held.letters += 1;
            self.engines.held.bytes += bytes;
            self.causes.add_held(cause, bytes, is_charged);
            return None;
        }
        self.causes.add_letter(cause, bytes, is_charged);
        if mailbox.is_empty() {
            if chunk.active.is_empty() {
                self.engines.active.push(place.chunk);
            }
            chunk.active.push(place.slot);
        }
        mailbox.put(envelope, payload, &mut chunk.arena);
        self.engines.waiting.letters += 1;
        self.engines.waiting.bytes += bytes;
        None
    }

    /// Answers the sender of a message why there is no reply.
    pub(crate) fn refuse(
        &mut self,
        to: EngineId,
        envelope: &Envelope,
        payload: &[u8],
        reason: Undelivered,
        out: &mut BlockOutcome,
    ) {
        match envelope.hears(to, reason) {
            Hears::Client(answer) => self.answer(answer, out),
            Hears::Engine(notice) => self.deliver_notice(&notice, out),
            Hears::Nobody => {
                out.stats.dead_letters += 1;
                let letter = DeadLetter::of(envelope.sender, to, reason, payload);
                self.bury(letter, out);
            }
        }
    }
}
