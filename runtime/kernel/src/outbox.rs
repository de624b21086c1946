//! [`Outbox`]: what the handlers of one chunk did in one round, in order; and [`Running`], the
//! services of the one engine that is handling its batch, which fills it.
//!
//! The outputs of a message that fails are dropped: before the first output of each message a mark
//! is set, and its failure truncates to the mark.

use crate::dead_letters::DeadLetter;
use crate::limits::{BYTES_PER_MESSAGE_MAX, SENDS_PER_MESSAGE_MAX, SPAWNS_PER_MESSAGE_MAX};
use crate::outcome::{Emitted, LogLine, Replied, ReplyError, Stats};
use crate::slot::Letter;
use crate::table::{GenerationTable, KindIndex};
use refit_abi::descriptor::Ability;
use refit_abi::host::{BlockFrame, CallError, Services, Wanted};
use refit_abi::raw::{CallStatus, DeliveryKind, HostStatus};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Sender, TimerAt, Undelivered};
use std::ops::Range;

/// What the handlers of one chunk did in one round.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sends: Vec<Outgoing>,
    pub(crate) spawns: Vec<Spawn>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) timers: Vec<NewTimer>,
    pub(crate) events: Vec<Emitted>,
    pub(crate) replies: Vec<Replied>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) stats: Stats,
}

#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) from: EngineId,
    /// The kind of the sender.
    pub(crate) kind: KindIndex,
    pub(crate) to: EngineId,
    pub(crate) sequence: u64,
    pub(crate) schema: SchemaId,
    pub(crate) payload: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Spawn {
    pub(crate) parent: EngineId,
    pub(crate) id: EngineId,
    pub(crate) kind: KindIndex,
    pub(crate) config: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) by: EngineId,
    pub(crate) engine: EngineId,
}

#[derive(Debug)]
pub(crate) struct NewTimer {
    pub(crate) at: TimerAt,
    pub(crate) engine: EngineId,
    pub(crate) schema: SchemaId,
    pub(crate) payload: Range<usize>,
}

/// Tells the engine `to` that `about` did not handle its message.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) to: EngineId,
    pub(crate) about: EngineId,
    pub(crate) reason: Undelivered,
}

impl Outbox {
    /// Empties it and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.sends.clear();
        self.spawns.clear();
        self.stops.clear();
        self.timers.clear();
        self.events.clear();
        self.replies.clear();
        self.notices.clear();
        self.dead.clear();
        self.logs.clear();
        self.stats = Stats::default();
    }

    /// A letter that `engine` did not handle: whoever waits for it learns so.
    pub(crate) fn bounce(
        &mut self,
        engine: EngineId,
        letter: &Letter,
        payload: &[u8],
        reason: Undelivered,
    ) {
        let is_message = letter.kind == DeliveryKind::Message;
        match (letter.ticket, letter.sender) {
            (Some(ticket), _) => {
                let outcome = Err(ReplyError::Undelivered { engine, reason });
                self.replies.push(Replied { ticket, outcome });
            }
            (None, Sender::Engine(to)) if is_message => {
                self.notices.push(Notice {
                    to,
                    about: engine,
                    reason,
                });
            }
            (None, sender) => {
                self.stats.dead_letters += 1;
                self.dead.push(DeadLetter {
                    sender,
                    to: engine,
                    reason,
                    payload: payload.to_vec(),
                });
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}

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
    pub(crate) mark: Mark,
    /// What the panic said, if one ended the batch.
    pub(crate) panic: Option<String>,
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
    };
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
            };
        }
        let spent = self.outbox.bytes.len() - self.mark.bytes + self.mark.emitted;
        spent + more <= BYTES_PER_MESSAGE_MAX
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
        self.outbox.timers.truncate(mark.timers);
        self.outbox.events.truncate(mark.events);
        *self.sent = mark.sent;
        *self.children = mark.children;
    }

    fn answer(&mut self, index: usize, outcome: Result<Vec<u8>, ReplyError>) {
        if let Some(ticket) = self.letters.get(index).and_then(|letter| letter.ticket) {
            self.outbox.replies.push(Replied { ticket, outcome });
        }
    }

    fn notify(&mut self, index: usize, reason: Undelivered) {
        // A notice has an engine as its sender too, but that engine sent nothing.
        let letter = self
            .letters
            .get(index)
            .filter(|letter| letter.kind == DeliveryKind::Message);
        let Some(letter) = letter else { return };
        match letter.sender {
            Sender::Engine(to) => {
                self.outbox.notices.push(Notice {
                    to,
                    about: self.id,
                    reason,
                });
            }
            // Nobody waits for a timer. After a panic the poison tells of it.
            Sender::Timer if reason == Undelivered::Rejected => {
                self.outbox
                    .bounce(self.id, letter, &self.arena[letter.payload.clone()], reason);
            }
            Sender::Timer | Sender::Client(_) => {}
        }
    }
}

impl Services for Running<'_> {
    #[inline]
    fn send(&mut self, index: usize, to: EngineId, schema: SchemaId, payload: &[u8]) -> HostStatus {
        let fits = self.begin(index, payload.len());
        if !fits || self.outbox.sends.len() - self.mark.sends >= SENDS_PER_MESSAGE_MAX {
            return HostStatus::Budget;
        }
        let payload = self.outbox.put(payload);
        let sequence = *self.sent;
        *self.sent += 1;
        self.outbox.sends.push(Outgoing {
            from: self.id,
            kind: self.kind,
            to,
            sequence,
            schema,
            payload,
        });
        HostStatus::Ok
    }

    fn spawn(&mut self, index: usize, wanted: Wanted<'_>) -> Result<EngineId, HostStatus> {
        let fits = self.begin(index, wanted.config.len());
        if !fits || self.outbox.spawns.len() - self.mark.spawns >= SPAWNS_PER_MESSAGE_MAX {
            return Err(HostStatus::Budget);
        }
        let (kind, entry) = self.table.find(wanted.kind).ok_or(HostStatus::Unknown)?;
        if !self.table.may(self.kind, Ability::Spawn, kind) {
            return Err(HostStatus::Forbidden);
        }
        if entry.kind.descriptor().config != wanted.schema {
            return Err(HostStatus::Schema);
        }
        let id = self.id.child(*self.children);
        *self.children += 1;
        let config = self.outbox.put(wanted.config);
        self.outbox.spawns.push(Spawn {
            parent: self.id,
            id,
            kind,
            config,
        });
        Ok(id)
    }

    fn stop(&mut self, index: usize, engine: EngineId) -> HostStatus {
        if !self.begin(index, 0) {
            return HostStatus::Budget;
        }
        self.outbox.stops.push(Stop {
            by: self.id,
            engine,
        });
        HostStatus::Ok
    }

    fn timer(&mut self, index: usize, at: TimerAt, schema: SchemaId, payload: &[u8]) -> HostStatus {
        let fits = self.begin(index, payload.len());
        if !fits || self.outbox.timers.len() - self.mark.timers >= SENDS_PER_MESSAGE_MAX {
            return HostStatus::Budget;
        }
        let past = match at {
            TimerAt::Height(height) => height <= self.frame.height,
            TimerAt::Time(time) => time <= self.frame.time,
        };
        if past {
            return HostStatus::Past;
        }
        let payload = self.outbox.put(payload);
        self.outbox.timers.push(NewTimer {
            at,
            engine: self.id,
            schema,
            payload,
        });
        HostStatus::Ok
    }

    fn log(&mut self, level: u8, line: &str) {
        if self.outbox.logs.len() >= crate::limits::LOG_LINES_PER_BLOCK_MAX {
            self.outbox.stats.log_lines_dropped += 1;
            return;
        }
        self.outbox.logs.push(LogLine {
            engine: self.id,
            level,
            line: line.to_owned(),
        });
    }

    fn emit(&mut self, index: usize, topic: &str, payload: &[u8]) -> HostStatus {
        let bytes = topic.len() + payload.len();
        let fits = self.begin(index, bytes);
        if !fits || self.outbox.events.len() - self.mark.events >= SENDS_PER_MESSAGE_MAX {
            return HostStatus::Budget;
        }
        self.mark.emitted += bytes;
        let (topic, payload) = (topic.to_owned(), payload.to_vec());
        self.outbox.events.push(Emitted {
            engine: self.id,
            topic,
            payload,
        });
        HostStatus::Ok
    }

    fn reply(&mut self, index: usize, status: CallStatus, bytes: &[u8]) {
        if status == CallStatus::Ok {
            return self.answer(index, Ok(bytes.to_vec()));
        }
        self.drop_outputs(index);
        let engine = self.id;
        match CallError::of_reply(status, bytes) {
            CallError::Fault(fault) => self.answer(index, Err(ReplyError::Fault(fault))),
            CallError::Panicked { text } => {
                self.panic = Some(text.clone());
                self.answer(index, Err(ReplyError::Panicked { engine, text }));
                self.notify(index, Undelivered::Poisoned);
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
