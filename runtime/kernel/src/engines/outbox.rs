//! [`Outbox`]: what the handlers of one chunk did in one round, in order.

use crate::causes::{CauseIndex, Handled};
use crate::engines::mailbox::Letter;
use crate::engines::room::Common;
use crate::engines::undelivered::Hears;
use crate::envelope::{Envelope, Signed};
use crate::generation::table::KindIndex;
use crate::keys::Ask;
use crate::outcome::dead_letters::DeadLetter;
use crate::outcome::trouble::Trouble;
use crate::outcome::{Emitted, LogLine, Stats};
use crate::parameters::spent::Spent;
use crate::reply::error::ReplyError;
use refit_abi::schema::SchemaId;
use refit_abi::{ClientId, EngineId, TimerAt, TimerId, Undelivered};
use std::ops::Range;

/// The outputs of the handlers of one chunk in one round.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Letters that were taken out of mailboxes, by cause as they came.
    pub(crate) handled: Vec<Handled>,
    /// Bytes of events, by cause.
    pub(crate) charges: Vec<(CauseIndex, Spent)>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) sends: Vec<Outgoing>,
    pub(crate) spawns: Vec<Spawn>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) timers: Vec<TimerDeed>,
    pub(crate) events: Vec<Emitted>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) troubles: Vec<Trouble>,
    /// Faults by kind.
    pub(crate) faults: Vec<(KindIndex, u64)>,
    /// Messages that were handled, by kind.
    pub(crate) messages: Vec<(KindIndex, u64)>,
    pub(crate) stats: Stats,
    /// The part taken of the round's common room.
    pub(crate) common: Common,
    /// Whether all that the round does with its chunk is done.
    pub(crate) is_closed: bool,
    /// The most bytes that it has held since room that is not needed was last given back.
    pub(crate) bytes_needed: usize,
    /// The same of the longest of its lists.
    pub(crate) list_needed: usize,
}

/// The answer to a client's message.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The engine that the message was for.
    pub(crate) engine: EngineId,
    pub(crate) client: ClientId,
    pub(crate) sequence: u64,
    pub(crate) ask: Ask,
    pub(crate) outcome: Result<Vec<u8>, ReplyError>,
}

#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) signed: Signed,
    /// The kind of the sender.
    pub(crate) kind: KindIndex,
    pub(crate) cause: CauseIndex,
    pub(crate) to: EngineId,
    pub(crate) payload: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Spawn {
    pub(crate) parent: EngineId,
    pub(crate) id: EngineId,
    pub(crate) kind: KindIndex,
    pub(crate) cause: CauseIndex,
    pub(crate) config: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) by: EngineId,
    pub(crate) engine: EngineId,
}

/// The timers set and cancelled, in order.
#[derive(Debug)]
pub(crate) enum TimerDeed {
    Set(NewTimer),
    Cancelled(CancelledTimer),
}

#[derive(Debug)]
pub(crate) struct NewTimer {
    pub(crate) at: TimerAt,
    pub(crate) engine: EngineId,
    pub(crate) id: TimerId,
    pub(crate) schema: SchemaId,
    pub(crate) cause: CauseIndex,
    pub(crate) payload: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct CancelledTimer {
    pub(crate) at: TimerAt,
    pub(crate) engine: EngineId,
    pub(crate) id: TimerId,
    pub(crate) bytes: usize,
}

/// Tells the engine `to` that `about` did not handle its message.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) to: EngineId,
    pub(crate) about: EngineId,
    pub(crate) reason: Undelivered,
    pub(crate) cause: CauseIndex,
}

/// Adds to the count of a kind; an outbox sees few kinds.
fn add(counts: &mut Vec<(KindIndex, u64)>, kind: KindIndex, more: u64) {
    match counts.iter_mut().find(|(of, _)| *of == kind) {
        Some((_, count)) => *count += more,
        None => counts.push((kind, more)),
    }
}

impl Outbox {
    /// Counts `messages` more that engines of `kind` handled.
    pub(crate) fn count_handled(&mut self, kind: KindIndex, messages: usize) {
        self.stats.messages += messages as u64;
        add(&mut self.messages, kind, messages as u64);
    }

    /// Empties it and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.handled.clear();
        self.charges.clear();
        self.bytes.clear();
        self.sends.clear();
        self.spawns.clear();
        self.stops.clear();
        self.timers.clear();
        self.events.clear();
        self.answers.clear();
        self.notices.clear();
        self.dead.clear();
        self.logs.clear();
        self.troubles.clear();
        self.faults.clear();
        self.messages.clear();
        self.stats = Stats::default();
        self.common = Common::default();
        self.is_closed = false;
    }

    /// Whether nothing was done.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            handled,
            charges,
            bytes,
            sends,
            spawns,
            stops,
            timers,
            events,
            answers,
            notices,
            dead,
            logs,
            troubles,
            faults,
            messages,
            stats,
            common: _,
            is_closed: _,
            bytes_needed: _,
            list_needed: _,
        } = self;
        let lists = [
            handled.is_empty(),
            charges.is_empty(),
            bytes.is_empty(),
            sends.is_empty(),
            spawns.is_empty(),
            stops.is_empty(),
            timers.is_empty(),
            events.is_empty(),
            answers.is_empty(),
            notices.is_empty(),
            dead.is_empty(),
            logs.is_empty(),
            troubles.is_empty(),
            faults.is_empty(),
            messages.is_empty(),
        ];
        lists.iter().all(|is_empty| *is_empty) && *stats == Stats::default()
    }

    /// Answers the sender of a message that `engine` did not handle.
    pub(crate) fn bounce(
        &mut self,
        engine: EngineId,
        envelope: &Envelope,
        payload: &[u8],
        reason: Undelivered,
    ) {
        match envelope.hears(engine, reason) {
            Hears::Client(answer) => self.answers.push(answer),
            Hears::Engine(notice) => self.notices.push(notice),
            Hears::Nobody => {
                self.stats.dead_letters += 1;
                let sender = envelope.sender;
                self.dead
                    .push(DeadLetter::of(sender, engine, reason, payload));
            }
        }
    }

    /// Letters leave their mailbox to be handled; gives their bytes.
    pub(crate) fn note_handled(&mut self, letters: &[Letter]) -> usize {
        let mut all = 0;
        let runs = letters.chunk_by(|one, next| one.envelope.cause == next.envelope.cause);
        for run in runs {
            let bytes: usize = run.iter().map(|letter| letter.payload.len()).sum();
            all += bytes;
            self.handled.push(Handled {
                cause: run[0].envelope.cause,
                messages: run.len() as u64,
                bytes: bytes as u64,
            });
        }
        all
    }

    /// All that is in it came from one cause.
    pub(crate) fn stamp(&mut self, cause: CauseIndex) {
        self.sends.iter_mut().for_each(|it| it.cause = cause);
        self.spawns.iter_mut().for_each(|it| it.cause = cause);
        self.notices.iter_mut().for_each(|it| it.cause = cause);
        self.charges.iter_mut().for_each(|it| it.0 = cause);
        for deed in &mut self.timers {
            if let TimerDeed::Set(timer) = deed {
                timer.cause = cause;
            }
        }
    }

    pub(crate) fn count_fault(&mut self, kind: KindIndex) {
        self.stats.faults += 1;
        add(&mut self.faults, kind, 1);
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}
