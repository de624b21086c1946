//! [`Running`]: the one engine that is handling its batch, and how much each of its messages may still do.
//!
//! The outputs of a message that fails are dropped: before the first output of each message a mark
//! is set, and its failure truncates to the mark.

use crate::causes::{Allowance, CauseIndex, Causes, Portion};
use crate::engines::mailbox::Letter;
use crate::engines::outbox::Outbox;
use crate::engines::room::{Made, Turn};
use crate::engines::slot::Counters;
use crate::engines::slot_timers::SlotTimers;
use crate::generation::table::{GenerationTable, KindIndex};
use crate::parameters::Parameters;
use refit_abi::EngineId;
use refit_abi::host::BlockFrame;

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
    pub(crate) counters: &'a mut Counters,
    pub(crate) timers: &'a mut SlotTimers,
    /// Timers that the node had when the round began.
    pub(crate) node_timers: usize,
    /// Their bytes.
    pub(crate) node_timer_bytes: usize,
    pub(crate) parameters: &'a Parameters,
    pub(crate) allowances: Allowances<'a>,
    /// The allowance of the message at the mark.
    pub(crate) allowed: Portion,
    /// The cause for which that was looked up: the letters of a batch often have one cause.
    pub(crate) allowed_of: Option<CauseIndex>,
    /// Its outputs in this round, and their bound.
    pub(crate) turn: Turn<'a>,
    pub(crate) mark: Mark,
    /// The last message that is known to have failed.
    pub(crate) failed: Option<usize>,
    /// The panic's text, if one ended the batch.
    pub(crate) panic: Option<String>,
}

/// The source of a message's allowance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allowances<'a> {
    /// Its cause.
    Causes(&'a Causes),
    /// It is no message but an `init`, which may do this.
    Fixed(Allowance),
}

/// The beginning of the outputs of the message at `index`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(super) index: usize,
    pub(super) bytes: usize,
    pub(super) sends: usize,
    pub(super) spawns: usize,
    pub(super) stops: usize,
    pub(super) timers: usize,
    pub(super) events: usize,
    /// Bytes of its events so far.
    pub(super) emitted: usize,
    counters: Counters,
    /// The engine's outputs before it.
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
        counters: Counters {
            sent: 0,
            children: 0,
        },
        made: Made {
            deeds: 0,
            bytes: 0,
            effect_bytes: 0,
        },
    };
}

impl<'a> Running<'a> {
    /// These letters are handled next; a message is called by its index among them.
    pub(crate) fn turn_to(&mut self, letters: &'a [Letter]) {
        self.letters = letters;
        self.mark = Mark::UNSET;
        self.failed = None;
    }
}

impl Running<'_> {
    /// Sets the mark at the first output of a message, and says whether `more` bytes fit its budget.
    #[inline]
    pub(super) fn begin(&mut self, index: usize, more: usize) -> bool {
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
                counters: *self.counters,
                made: self.turn.used.made,
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
    pub(super) fn take(&mut self, bytes: usize, effect_bytes: usize) -> bool {
        let more = Made {
            deeds: 1,
            bytes,
            effect_bytes,
        };
        self.turn.take(more, &mut self.outbox.common)
    }

    /// The cause of a message; an `init` gets its cause when its outputs are carried out.
    #[inline]
    pub(super) fn cause(&self, index: usize) -> CauseIndex {
        let letter = self.letters.get(index);
        letter.map_or(CauseIndex::default(), |letter| letter.envelope.cause)
    }

    #[inline]
    pub(super) fn portion(&self, index: usize) -> Portion {
        match self.allowances {
            Allowances::Causes(causes) => causes.portion(self.cause(index)),
            Allowances::Fixed(allowance) => Portion::of(allowance),
        }
    }

    /// Timers that the message at the mark may still set. Cancelled ones count too: else a message could set and
    /// cancel without end.
    pub(super) fn timers_left(&self) -> usize {
        let done = self.outbox.timers.len() - self.mark.timers;
        self.allowed
            .allowance(&self.parameters.message)
            .sends
            .saturating_sub(done)
            .min(self.timers_room())
    }

    /// Timers that the engine may still have waiting.
    pub(super) fn timers_room(&self) -> usize {
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
    pub(super) fn has_room_for_timer(&self, bytes: usize) -> bool {
        let most = &self.parameters.timers;
        self.timers.bytes() + bytes <= most.bytes_per_engine
            && self.node_timer_bytes + bytes <= most.all_bytes
    }

    pub(super) fn drop_outputs(&mut self, index: usize) {
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
        *self.counters = mark.counters;
        self.turn.used.made = mark.made;
    }
}
