//! [`RoundRoom`]: what one round may make in all, however many causes it comes from, shared out among its engines.
//!
//! What waits is bounded, and so is what comes of one cause; but in one round there may be as many causes as
//! messages, and what their handlers make lies in outboxes until the round is over. Half of the round's room is
//! shared out in equal parts among the engines that have mail. The other half is common: an engine that makes more
//! than its part takes from it what those before it, in the order of the engines, have left. To know that, its worker
//! waits until they are done; an engine that keeps within its part waits for nobody. So what is refused depends
//! neither on the number of workers nor on how engines are packed into chunks.
//!
//! An engine that has used its part up leaves the rest of its mail for the next round: mail is handed to it in steps,
//! each as long as the step before lets expect to fit ([`Turn::step`]).

use crate::engines::chunk::SharedChunk;
use crate::engines::mailbox::Letter;
use crate::engines::outbox::Outbox;
use crate::limits::{BATCH_LETTERS_MAX, EFFECT_OVERHEAD_BYTES};
use crate::outcome::Emitted;
use crate::parameters::RoundBounds;
use refit_abi::Sender;
use std::collections::BTreeMap;
use std::thread;

/// Letters of an engine's first step: as many as are handed over at once in any case.
const FIRST_LETTERS: usize = BATCH_LETTERS_MAX;

/// Letters with a client that waits for its reply, in the first steps of all engines together: how many long replies
/// may come unforeseen.
const FIRST_ASKS: usize = 64;

/// The same in one later step.
const STEP_ASKS: usize = 64;

/// The same of an engine whose kind rolls back: its state is copied for each step.
const STEP_ASKS_COPIED: usize = 1_024;

/// The outputs made in a round, or the most of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Messages, events, timers, starts and stops.
    pub(crate) deeds: usize,
    /// Their bytes.
    pub(crate) bytes: usize,
    /// The outputs that leave the node: replies and events, in bytes.
    pub(crate) effect_bytes: usize,
}

/// The room of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundRoom {
    /// The part that each engine has for itself.
    part: Made,
    /// The part that all engines share.
    common: Made,
    /// The amount after which an engine leaves the rest of its mail for the next round.
    enough: Made,
    first_asks: usize,
}

/// The part of the common room that the engines of one chunk have taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Common {
    taken: Made,
    /// The rest of it, if it was asked for.
    left: Option<Made>,
}

/// One engine's part in a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) used: PartUsed,
    room: RoundRoom,
    /// The chunks of the round that come before the engine's own.
    before: &'a [SharedChunk],
}

/// How far an engine has used its part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartUsed {
    pub(crate) made: Made,
    /// As much it may have made without asking for more.
    granted: Made,
}

impl Made {
    /// No bound.
    const ALL: Self = Self {
        deeds: usize::MAX,
        bytes: usize::MAX,
        effect_bytes: usize::MAX,
    };

    fn each(self, other: Self, of: impl Fn(usize, usize) -> usize) -> Self {
        Self {
            deeds: of(self.deeds, other.deeds),
            bytes: of(self.bytes, other.bytes),
            effect_bytes: of(self.effect_bytes, other.effect_bytes),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.each(other, usize::saturating_add)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.each(other, usize::saturating_sub)
    }

    /// Equal parts of half of it.
    fn half(self, among: usize) -> Self {
        self.each(Self::default(), |all, _| all / 2 / among.max(1))
    }

    #[inline]
    fn is_within(self, most: &Self) -> bool {
        self.deeds <= most.deeds
            && self.bytes <= most.bytes
            && self.effect_bytes <= most.effect_bytes
    }
}

impl RoundBounds {
    pub(crate) fn made(&self) -> Made {
        Made {
            deeds: self.deeds,
            bytes: self.bytes,
            effect_bytes: self.effect_bytes,
        }
    }
}

impl RoundRoom {
    /// Of a round with so many engines that have mail, in a block from which so many more bytes may leave.
    pub(crate) fn of(most: &RoundBounds, engines: usize, effect_bytes_left: u64) -> Self {
        let all = most.made();
        let part = all.half(engines);
        let left = usize::try_from(effect_bytes_left).unwrap_or(usize::MAX);
        Self {
            part,
            common: all.half(1),
            enough: Made {
                effect_bytes: part.effect_bytes.min(left / engines.max(1)),
                ..part
            },
            first_asks: (FIRST_ASKS / engines.max(1)).max(1),
        }
    }

    const OPEN: Self = Self {
        part: Made::ALL,
        common: Made::ALL,
        enough: Made::ALL,
        first_asks: usize::MAX,
    };
}

impl<'a> Turn<'a> {
    pub(crate) fn new(room: &RoundRoom, before: &'a [SharedChunk]) -> Self {
        Self {
            used: PartUsed {
                made: Made::default(),
                granted: room.part,
            },
            room: *room,
            before,
        }
    }

    /// The room of an `init`, which has another bound: it is carried out before the next one runs.
    pub(crate) fn open() -> Self {
        Self::new(&RoundRoom::OPEN, &[])
    }

    /// How many of these letters are handed over next; none, once the engine has made enough.
    pub(crate) fn step(&self, done: usize, letters: &[Letter], rolls_back: bool) -> usize {
        if done == 0 {
            return step_of(letters, FIRST_LETTERS, self.room.first_asks);
        }
        let (made, enough) = (self.used.made, self.room.enough);
        let fits = |made: usize, enough: usize| match made {
            0 => usize::MAX,
            // Half of what would fit, if the next ones were as the ones before.
            _ if made < enough => ((enough - made) / 2).saturating_mul(done).max(made) / made,
            _ => 0,
        };
        let most = fits(made.deeds, enough.deeds)
            .min(fits(made.bytes, enough.bytes))
            .min(fits(made.effect_bytes, enough.effect_bytes));
        let asks = match rolls_back {
            true => STEP_ASKS_COPIED,
            false => STEP_ASKS,
        };
        step_of(letters, most, asks)
    }

    /// Whether so much leaves the node because of it that others come first.
    pub(crate) fn has_told_enough(&self) -> bool {
        self.used.made.effect_bytes >= self.room.enough.effect_bytes
    }

    /// Whether there is room for so much more; if so, it is taken.
    #[inline]
    pub(crate) fn take(&mut self, more: Made, common: &mut Common) -> bool {
        let made = self.used.made.plus(more);
        let fits = made.is_within(&self.used.granted) || self.is_granted(made, common);
        if fits {
            self.used.made = made;
        }
        fits
    }

    /// Counts what leaves the node and is never refused, being short: word of why there is no reply.
    pub(crate) fn charge(&mut self, effect_bytes: usize) {
        let more = Made {
            effect_bytes,
            ..Made::default()
        };
        self.used.made = self.used.made.plus(more);
        self.used.granted = self.used.granted.plus(more);
    }

    /// Takes from the common room what is missing.
    #[cold]
    fn is_granted(&mut self, made: Made, common: &mut Common) -> bool {
        let needed = made.minus(self.used.granted);
        let left = match common.left {
            Some(left) => left,
            None => self.room.common.minus(taken_before(self.before)),
        };
        common.left = Some(left);
        if !needed.is_within(&left) {
            return false;
        }
        common.left = Some(left.minus(needed));
        common.taken = common.taken.plus(needed);
        self.used.granted = self.used.granted.plus(needed);
        true
    }
}

/// Of these letters at most so many, and so many with a client that waits.
fn step_of(letters: &[Letter], most: usize, asks: usize) -> usize {
    let mut asked = 0;
    let fits = |letter: &&Letter| {
        asked += usize::from(letter.envelope.ask.is_some());
        asked <= asks
    };
    letters.iter().take(most).take_while(fits).count()
}

/// Puts the letters that an engine leaves for the next round in such an order that each sender's first comes before any
/// sender's second: who asks for much lets the others come in between. Those of one sender keep their order.
pub(crate) fn take_turns(letters: &mut [Letter]) {
    let mut count: BTreeMap<Sender, usize> = BTreeMap::new();
    let rank = |letter: &Letter| {
        let count = count.entry(letter.envelope.sender).or_default();
        *count += 1;
        *count
    };
    let ranks: Vec<usize> = letters.iter().map(rank).collect();
    let mut order: Vec<usize> = (0..letters.len()).collect();
    order.sort_by_key(|at| ranks[*at]);
    let sorted: Vec<Letter> = order.iter().map(|at| letters[*at].clone()).collect();
    letters.clone_from_slice(&sorted);
}

/// The part of the common room taken by the chunks before, all of which have been claimed: each of them waits, if at
/// all, for chunks before it.
fn taken_before(chunks: &[SharedChunk]) -> Made {
    let taken = |chunk: &SharedChunk| {
        loop {
            let chunk = chunk.read();
            if chunk.outbox.is_closed {
                return chunk.outbox.common.taken;
            }
            drop(chunk);
            thread::yield_now();
        }
    };
    chunks.iter().map(taken).fold(Made::default(), Made::plus)
}

impl Outbox {
    /// The outputs of an `init`.
    pub(crate) fn made(&self) -> Made {
        let bytes = |event: &Emitted| event.topic.len() + event.payload.len();
        let event_bytes = self.events.iter().map(bytes).sum::<usize>();
        let lists = [
            self.sends.len(),
            self.spawns.len(),
            self.stops.len(),
            self.timers.len(),
            self.events.len(),
        ];
        Made {
            deeds: lists.iter().sum(),
            bytes: self.bytes.len() + event_bytes,
            effect_bytes: event_bytes + EFFECT_OVERHEAD_BYTES * self.events.len(),
        }
    }
}
