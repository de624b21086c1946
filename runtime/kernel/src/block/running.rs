//! [`Running`]: the services of the one engine that is handling its batch, which fill the outbox of its chunk.
//!
//! The outputs of a message that fails are dropped: before the first output of each message a mark
//! is set, and its failure truncates to the mark.

use crate::block::outbox::{
    CancelledTimer, NewTimer, Notice, Outbox, Outgoing, Spawn, Stop, TimerDeed,
};
use crate::block::outcome::{Emitted, LogLine, ReplyError};
use crate::block::room::{Made, Turn};
use crate::block::trouble::{self, Trouble, Wrong};
use crate::block::undelivered::Hears;
use crate::causes::{Allowance, CauseIndex, Causes, Portion, Spent};
use crate::engines::mailbox::Letter;
use crate::engines::slot_timers::SlotTimers;
use crate::envelope::Signed;
use crate::limits::{EFFECT_OVERHEAD_BYTES, LOG_LINE_BYTES_MAX};
use crate::parameters::Parameters;
use crate::swap::table::{GenerationTable, KindIndex};
use refit_abi::descriptor::Ability;
use refit_abi::host::{BlockFrame, CallError, Services, Wanted, shown};
use refit_abi::raw::{CallStatus, DeliveryKind, HostStatus, RawBudget};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, FAULT_DETAIL_BYTES_MAX, Fault, Sender, TimerAt, TimerId, Undelivered};

/// The services of the engine that is handling a batch.
pub(crate) struct Running<'a> {
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) table: &'a GenerationTable,
    pub(crate) frame: BlockFrame,
    pub(crate) id: EngineId,
    pub(crate) kind: KindIndex,
    pub(crate) letters: &'a [Letter],
    /// Their payloads.
    pub(crate) arena: &'a [u8],
    pub(crate) sent: &'a mut u64,
    pub(crate) children: &'a mut u64,
    pub(crate) timers: &'a mut SlotTimers,
    /// Timers that the node had when the round began.
    pub(crate) node_timers: usize,
    /// Their bytes.
    pub(crate) node_timer_bytes: usize,
    pub(crate) parameters: &'a Parameters,
    pub(crate) allowances: Allowances<'a>,
    /// What the message at the mark may do.
    pub(crate) allowed: Portion,
    /// The cause for which that was looked up: the letters of a batch often have one cause.
    pub(crate) allowed_of: Option<CauseIndex>,
    /// What it has made in this round, and may.
    pub(crate) turn: Turn<'a>,
    pub(crate) mark: Mark,
    /// The last message that is known to have failed.
    pub(crate) failed: Option<usize>,
    /// What the panic said, if one ended the batch.
    pub(crate) panic: Option<String>,
}

/// Where what a message may do comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allowances<'a> {
    /// Its cause.
    Causes(&'a Causes),
    /// It is no message but an `init`, which may do this.
    Fixed(Allowance),
}

/// Where the outputs of the message at `index` begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    index: usize,
    bytes: usize,
    sends: usize,
    spawns: usize,
    stops: usize,
    timers: usize,
    events: usize,
    /// Bytes of its events so far.
    emitted: usize,
    sent: u64,
    children: u64,
    /// What the engine had made before.
    made: Made,
}

impl Mark {
    /// A mark of no message.
    pub(crate) const UNSET: Self = Self {
        index: usize::MAX,
        bytes: 0,
        sends: 0,
        spawns: 0,
        stops: 0,
        timers: 0,
        events: 0,
        emitted: 0,
        sent: 0,
        children: 0,
        made: Made {
            deeds: 0,
            bytes: 0,
            effect_bytes: 0,
        },
    };
}

impl<'a> Running<'a> {
    /// These letters are handled next; a message is called by its place among them.
    pub(crate) fn turn_to(&mut self, letters: &'a [Letter]) {
        self.letters = letters;
        self.mark = Mark::UNSET;
        self.failed = None;
    }
}

impl Running<'_> {
    /// Sets the mark at the first output of a message, and says whether `more` bytes fit its budget.
    #[inline]
    fn begin(&mut self, index: usize, more: usize) -> bool {
        if self.mark.index != index {
            self.mark = Mark {
                index,
                bytes: self.outbox.bytes.len(),
                sends: self.outbox.sends.len(),
                spawns: self.outbox.spawns.len(),
                stops: self.outbox.stops.len(),
                timers: self.outbox.timers.len(),
                events: self.outbox.events.len(),
                emitted: 0,
                sent: *self.sent,
                children: *self.children,
                made: self.turn.share.made,
            };
            let cause = Some(self.cause(index));
            if self.allowed_of != cause {
                self.allowed = self.portion(index);
                self.allowed_of = cause;
            }
        }
        let spent = self.outbox.bytes.len() - self.mark.bytes + self.mark.emitted;
        self.allowed
            .has_bytes(spent + more, &self.parameters.message)
    }

    /// Whether the round has room for one deed more, of so many bytes; if so, it is taken.
    #[inline]
    fn take(&mut self, bytes: usize, effect_bytes: usize) -> bool {
        let more = Made {
            deeds: 1,
            bytes,
            effect_bytes,
        };
        self.turn.take(more, &mut self.outbox.common)
    }

    /// What a message came from; of an `init`, whoever carries its outputs out says so.
    #[inline]
    fn cause(&self, index: usize) -> CauseIndex {
        let letter = self.letters.get(index);
        letter.map_or(CauseIndex::default(), |letter| letter.envelope.cause)
    }

    #[inline]
    fn portion(&self, index: usize) -> Portion {
        match self.allowances {
            Allowances::Causes(causes) => causes.portion(self.cause(index)),
            Allowances::Fixed(allowance) => Portion::of(allowance),
        }
    }

    /// Timers that the message at the mark may still set. What it cancelled counts too: a message that sets and
    /// cancels without end comes to one.
    fn timers_left(&self) -> usize {
        let done = self.outbox.timers.len() - self.mark.timers;
        self.allowed
            .allowance(&self.parameters.message)
            .sends
            .saturating_sub(done)
            .min(self.timers_room())
    }

    /// Timers that the engine may still have waiting.
    fn timers_room(&self) -> usize {
        match self.node_timers < self.parameters.timers.all {
            true => self
                .parameters
                .timers
                .per_engine
                .saturating_sub(self.timers.waiting()),
            false => 0,
        }
    }

    /// Whether what a timer brings may wait.
    fn has_room_for_timer(&self, bytes: usize) -> bool {
        let most = &self.parameters.timers;
        self.timers.bytes() + bytes <= most.bytes_per_engine
            && self.node_timer_bytes + bytes <= most.all_bytes
    }

    fn drop_outputs(&mut self, index: usize) {
        if self.mark.index != index {
            return;
        }
        let mark = self.mark;
        self.outbox.bytes.truncate(mark.bytes);
        self.outbox.sends.truncate(mark.sends);
        self.outbox.spawns.truncate(mark.spawns);
        self.outbox.stops.truncate(mark.stops);
        for deed in self.outbox.timers.drain(mark.timers..).rev() {
            self.timers.undo(&deed);
        }
        self.outbox.events.truncate(mark.events);
        *self.sent = mark.sent;
        *self.children = mark.children;
        self.turn.share.made = mark.made;
    }

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

    fn reply_with(&mut self, index: usize, bytes: &[u8]) {
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

    /// A fault that no client is told.
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
            // Nobody waits for a timer. After a panic the poison tells of it.
            (Hears::Nobody, Sender::Timer) if reason == Undelivered::Rejected => {
                let payload = letter.payload(self.arena);
                self.outbox.bounce(self.id, envelope, payload, reason);
            }
            (Hears::Client(_) | Hears::Nobody, _) => {}
        }
    }
}

impl Services for Running<'_> {
    #[inline]
    fn send(&mut self, index: usize, to: EngineId, schema: SchemaId, payload: &[u8]) -> HostStatus {
        let fits = self.begin(index, payload.len());
        let sends = self.outbox.sends.len() - self.mark.sends + 1;
        let most = &self.parameters.message;
        if !fits || !self.allowed.has_sends(sends, most) || !self.take(payload.len(), 0) {
            return HostStatus::Budget;
        }
        let cause = self.cause(index);
        let payload = self.outbox.put(payload);
        let sequence = *self.sent;
        *self.sent += 1;
        self.outbox.sends.push(Outgoing {
            signed: Signed {
                from: self.id,
                sequence,
                schema,
            },
            kind: self.kind,
            cause,
            to,
            payload,
        });
        HostStatus::Ok
    }

    fn spawn(&mut self, index: usize, wanted: Wanted<'_>) -> Result<EngineId, HostStatus> {
        let fits = self.begin(index, wanted.config.len());
        let spawns = self.outbox.spawns.len() - self.mark.spawns + 1;
        if !fits || !self.allowed.has_spawns(spawns, &self.parameters.message) {
            return Err(HostStatus::Budget);
        }
        let (kind, entry) = self.table.find(wanted.kind).ok_or(HostStatus::Unknown)?;
        if !self.table.may(self.kind, Ability::Spawn, kind) {
            return Err(HostStatus::Forbidden);
        }
        if entry.kind.descriptor().config != wanted.schema {
            return Err(HostStatus::Schema);
        }
        if !self.take(wanted.config.len(), 0) {
            return Err(HostStatus::Budget);
        }
        let id = self.id.child(*self.children);
        *self.children += 1;
        let cause = self.cause(index);
        let config = self.outbox.put(wanted.config);
        self.outbox.spawns.push(Spawn {
            parent: self.id,
            id,
            kind,
            cause,
            config,
        });
        Ok(id)
    }

    fn stop(&mut self, index: usize, engine: EngineId) -> HostStatus {
        let fits = self.begin(index, 0);
        let stops = self.outbox.stops.len() - self.mark.stops;
        if !fits || stops >= self.parameters.message.stops || !self.take(0, 0) {
            return HostStatus::Budget;
        }
        self.outbox.stops.push(Stop {
            by: self.id,
            engine,
        });
        HostStatus::Ok
    }

    fn timer(
        &mut self,
        index: usize,
        at: TimerAt,
        schema: SchemaId,
        payload: &[u8],
    ) -> Result<TimerId, HostStatus> {
        let fits = self.begin(index, payload.len());
        if !fits || self.timers_left() == 0 || !self.has_room_for_timer(payload.len()) {
            return Err(HostStatus::Budget);
        }
        let past = match at {
            TimerAt::Height(height) => height <= self.frame.height,
            TimerAt::Time(time) => time <= self.frame.time,
        };
        if past {
            return Err(HostStatus::Past);
        }
        // One that its own code does not take would be a dead letter when it comes.
        let kind = self.table.get(self.kind).map(|entry| &entry.kind);
        if kind.is_none_or(|kind| !kind.descriptor().accepts(schema)) {
            return Err(HostStatus::Schema);
        }
        if !self.take(payload.len(), 0) {
            return Err(HostStatus::Budget);
        }
        let payload = self.outbox.put(payload);
        let id = self.timers.set(at, payload.len());
        let cause = self.cause(index);
        self.outbox.timers.push(TimerDeed::Set(NewTimer {
            at,
            engine: self.id,
            id,
            schema,
            cause,
            payload,
        }));
        Ok(id)
    }

    fn cancel_timer(&mut self, index: usize, id: TimerId) -> HostStatus {
        self.begin(index, 0);
        let bytes = self.timers.bytes_of(id);
        let Some(at) = self.timers.take(id) else {
            return HostStatus::Unknown;
        };
        let engine = self.id;
        let deed = CancelledTimer {
            at,
            engine,
            id,
            bytes,
        };
        self.outbox.timers.push(TimerDeed::Cancelled(deed));
        HostStatus::Ok
    }

    fn budget_left(&self, index: usize) -> RawBudget {
        let begun = self.mark.index == index;
        let most = match begun {
            true => self.allowed,
            false => self.portion(index),
        };
        let most = most.allowance(&self.parameters.message);
        let left = |most: usize, now: usize, mark: usize| match begun {
            true => (most - (now - mark).min(most)) as u64,
            false => most as u64,
        };
        let (out, mark) = (&*self.outbox, self.mark);
        let timers = match begun {
            true => self.timers_left(),
            false => self.timers_room().min(most.sends),
        };
        let bytes = out.bytes.len() + mark.emitted;
        RawBudget {
            size: size_of::<RawBudget>(),
            messages: left(most.sends, out.sends.len(), mark.sends),
            bytes: left(most.bytes, bytes, mark.bytes),
            spawns: left(most.spawns, out.spawns.len(), mark.spawns),
            timers: timers as u64,
            events: left(most.sends, out.events.len(), mark.events),
        }
    }

    fn log(&mut self, level: u8, line: &str) {
        if self.outbox.logs.len() >= crate::limits::LOG_LINES_PER_BLOCK_MAX {
            self.outbox.stats.log_lines_dropped += 1;
            return;
        }
        self.outbox.logs.push(LogLine {
            engine: self.id,
            level,
            line: shown(line, LOG_LINE_BYTES_MAX),
        });
    }

    fn emit(&mut self, index: usize, topic: &str, payload: &[u8]) -> HostStatus {
        let bytes = topic.len() + payload.len();
        let fits = self.begin(index, bytes);
        let events = self.outbox.events.len() - self.mark.events + 1;
        let most = &self.parameters.message;
        let effect = bytes + EFFECT_OVERHEAD_BYTES;
        if !fits || !self.allowed.has_sends(events, most) || !self.take(bytes, effect) {
            return HostStatus::Budget;
        }
        self.mark.emitted += bytes;
        let spent = Spent {
            bytes: bytes as u64,
            ..Spent::default()
        };
        self.outbox.charges.push((self.cause(index), spent));
        let (topic, payload) = (
            shown(topic, self.parameters.events.topic_bytes),
            payload.to_vec(),
        );
        self.outbox.events.push(Emitted {
            engine: self.id,
            topic,
            payload,
        });
        HostStatus::Ok
    }

    fn reply(&mut self, index: usize, status: CallStatus, bytes: &[u8]) {
        if status == CallStatus::Ok {
            return self.reply_with(index, bytes);
        }
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
