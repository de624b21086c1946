//! [`Slot`]: one engine's place: its state, its counters, its mailbox.

use crate::engines::configuration::Configuration;
use crate::engines::mailbox::Mailbox;
use crate::engines::slot_timers::SlotTimers;
use crate::envelope::Envelope;
use crate::generation::kept::Kept;
use crate::generation::replaced::leak_if_unfit;
use crate::generation::table::{KindEntry, KindIndex, Pending};
use crate::limits::POISON_TEXT_BYTES_MAX;
use crate::outcome::trouble::{Trouble, Wrong};
use refit_abi::host::{Instance, Prepared, Unsettled, running, shown};
use refit_abi::raw::Codec;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Height, Sender};
use serde::{Deserialize, Serialize};

/// The counts of an engine's life from which ids and sequences come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages it has sent: the next one's sequence.
    pub sent: u64,
    /// Engines it has spawned: the next one's id comes from it.
    pub children: u64,
}

/// One engine.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: EngineId,
    pub(crate) kind: KindIndex,
    pub(crate) parent: Option<EngineId>,
    pub(crate) state: SlotState,
    /// Whether the settling of its state has poisoned it, and that is not reported yet.
    pub(crate) untold: bool,
    /// The old state, if the settling of it has poisoned it.
    pub(crate) kept: Option<Box<Kept>>,
    /// The state that a transition made and the commit has not yet settled.
    pub(crate) next: Option<Next>,
    pub(crate) counters: Counters,
    pub(crate) timers: SlotTimers,
    /// Messages it has handled over its life.
    pub(crate) handled: u64,
    /// Messages it has handled in the block at `ordinal_height`.
    pub(crate) ordinal: u64,
    pub(crate) ordinal_height: Height,
    pub(crate) mailbox: Mailbox,
    /// The configuration that it was started with: a restart may start it afresh.
    pub(crate) config: (Codec, Box<[u8]>),
    /// The schema that its code's configuration had then.
    pub(crate) config_schema: SchemaId,
    /// A configuration in JSON, as its code read it then, in postcard: other code may read other names.
    pub(crate) config_read: Option<Box<[u8]>>,
}

/// A slot's state.
#[derive(Debug)]
pub(crate) enum SlotState {
    Live(Instance),
    Poisoned(Box<Poison>),
    /// Taken out for as long as it is changed, or for good in a slot that is about to go; or not copied, in an executor
    /// that was made of an image without it ([`StateImage::Elsewhere`](crate::StateImage::Elsewhere)).
    Away,
}

/// Why an engine takes no messages: the message, and the code whose states it had, so that it can be found again
/// however much code has been replaced since.
///
/// No state is kept here: the handler that panicked may have changed half of it. The last good one is what the blocks
/// give that came before that message, counted from a state that was written down before. (Where no handler panicked
/// but the settling of a migrated state, the old state is kept beside it.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poison {
    /// The block in which it panicked; of a migrated state that could not be settled, the block of the update point.
    pub height: Height,
    /// The sender of the message; `None` if it was no message but the settling of a migrated state.
    pub sender: Option<Sender>,
    /// That message's sequence.
    pub sequence: u64,
    /// The kind of the code that panicked.
    pub kind: String,
    /// The version of that code's state.
    pub version: u32,
    /// The schema of that code's state.
    pub schema: SchemaId,
    /// The panic's text, shown and cut to [`POISON_TEXT_BYTES_MAX`]. It is in no [`Image`](crate::Image): another
    /// compiler may word it differently.
    pub text: String,
}

impl Poison {
    /// Of code whose state is no good any more since the block at `height`: because of a message, or of none.
    pub(crate) fn new(
        entry: &KindEntry,
        height: Height,
        envelope: Option<&Envelope>,
        text: &str,
    ) -> Self {
        let descriptor = entry.kind.descriptor();
        Self {
            height,
            sender: envelope.map(|envelope| envelope.sender),
            sequence: envelope.map_or(0, |envelope| envelope.sequence),
            kind: descriptor.kind.clone(),
            version: descriptor.version,
            schema: descriptor.schema,
            text: shown(text, POISON_TEXT_BYTES_MAX),
        }
    }

    pub(crate) fn tells(&self) -> Wrong {
        Wrong::Poisoned {
            sender: self.sender,
            sequence: self.sequence,
            text: self.text.clone(),
        }
    }
}

/// The result of a transition for one engine, unseen until the commit.
#[derive(Debug)]
pub enum Next {
    /// The first half of a step.
    Prepared(Prepared),
    /// A whole state, with nothing of the old one in it.
    Whole(Instance),
}

/// Whether an engine serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// It serves.
    Live,
    /// It panicked.
    Poisoned(Poison),
}

/// One engine as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineStatus {
    /// Its id.
    pub id: EngineId,
    /// Its kind's index in the table.
    pub kind: KindIndex,
    /// Whether it serves.
    pub state: EngineState,
    /// Messages that wait.
    pub mailbox: usize,
    /// Messages it has handled.
    pub handled: u64,
}

impl Slot {
    pub(crate) fn new(
        id: EngineId,
        kind: KindIndex,
        parent: Option<EngineId>,
        state: SlotState,
        codec: Codec,
        config: &[u8],
        config_schema: SchemaId,
    ) -> Self {
        Self {
            id,
            kind,
            parent,
            state,
            untold: false,
            kept: None,
            next: None,
            counters: Counters::default(),
            timers: SlotTimers::default(),
            handled: 0,
            ordinal: 0,
            ordinal_height: Height(0),
            mailbox: Mailbox::default(),
            config: (codec, config.into()),
            config_schema,
            config_read: None,
        }
    }

    /// The empty slot in the place of an engine that has stopped, until another gets it.
    pub(crate) fn vacant() -> Self {
        let (id, kind) = (EngineId::from_bytes([0; 16]), KindIndex(u32::MAX));
        let (codec, schema) = (Codec::Postcard, SchemaId::default());
        Self::new(id, kind, None, SlotState::Away, codec, &[], schema)
    }

    /// Makes the state this code's, if it is still as the old code left it. Afterwards the slot is
    /// live with a fitting state, or poisoned since the update point `at`, with the old state kept: whenever it is
    /// done, it is as if it had been done there.
    pub(crate) fn settle(&mut self, entry: &KindEntry, at: Height) {
        let SlotState::Live(instance) = &self.state else {
            return;
        };
        if instance.tag() == entry.kind.tag() && self.next.is_none() {
            return;
        }
        let SlotState::Live(old) = std::mem::replace(&mut self.state, SlotState::Away) else {
            return;
        };
        let _about = running::about(self.id);
        let settled = settle(old, self.next.take(), entry);
        self.untold = settled.is_err();
        self.state = match settled {
            Ok(instance) => SlotState::Live(instance),
            Err(Lost { text, kept }) => {
                self.kept = kept.map(Box::new);
                let poison = Poison::new(entry, at, None, &text);
                SlotState::Poisoned(Box::new(poison))
            }
        };
    }

    /// Leaves an old state, in whose place no new one was made, to the code that made it. Whether it is one.
    pub(crate) fn give_up(&mut self, entry: &KindEntry) -> bool {
        let (Some(Pending::Replace(replaced)), None) = (&entry.pending, &self.next) else {
            return false;
        };
        match std::mem::replace(&mut self.state, SlotState::Away) {
            SlotState::Live(old) if old.tag() != entry.kind.tag() => {
                replaced.keep(old);
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    /// Makes an engine without a state, poisoned or with its state elsewhere, live with the fresh one that a restart has
    /// put beside it, if one has.
    pub(crate) fn revive(&mut self) {
        if matches!(self.state, SlotState::Live(_)) {
            return;
        }
        match self.next.take() {
            Some(Next::Whole(fresh)) => {
                self.state = SlotState::Live(fresh);
                self.kept = None;
            }
            other => self.next = other,
        }
    }

    /// Takes over the state and the counts of a fresh life. What is the runtime's stays: mail, parent, configuration.
    pub(crate) fn begin_again(&mut self, fresh: Slot) {
        self.state = fresh.state;
        self.counters = fresh.counters;
        self.timers = fresh.timers;
        (self.ordinal_height, self.ordinal) = (fresh.ordinal_height, fresh.ordinal);
        (self.untold, self.kept, self.next) = (false, None, None);
    }

    /// Its configuration, as code whose configuration has this schema reads it; `None` if it would read bytes of
    /// another type. JSON of another type is read by its names, completely.
    pub(crate) fn config_for(&self, schema: SchemaId) -> Option<Configuration<'_>> {
        let (codec, bytes) = (self.config.0, &*self.config.1);
        let written = Configuration { codec, bytes };
        match (&self.config_read, self.config_schema == schema) {
            (Some(read), true) => Some(Configuration::postcard(read)),
            (None, true) => Some(written),
            (_, false) => (codec == Codec::Json).then_some(written),
        }
    }

    /// The poison that the settling of its state was, once.
    pub(crate) fn take_untold(&mut self, entry: &KindEntry) -> Option<Trouble> {
        match (std::mem::take(&mut self.untold), &self.state) {
            (true, SlotState::Poisoned(poison)) => {
                Some(Trouble::of(self.id, Some(entry), poison.tells()))
            }
            _ => None,
        }
    }

    /// Drops what an aborted transition made.
    pub(crate) fn discard_next(&mut self, pending: &Pending, new: &refit_abi::host::Kind) {
        let _about = running::about(self.id);
        match (self.next.take(), pending) {
            (Some(Next::Prepared(prepared)), Pending::Settle { step, .. }) => {
                step.discard(prepared)
            }
            (Some(Next::Whole(instance)), _) => leak_if_unfit(new.discard(instance)),
            (Some(Next::Prepared(_)) | None, _) => {}
        }
    }

    pub(crate) fn status(&self) -> EngineStatus {
        let state = match &self.state {
            SlotState::Live(_) | SlotState::Away => EngineState::Live,
            SlotState::Poisoned(poison) => EngineState::Poisoned((**poison).clone()),
        };
        let (id, kind, handled) = (self.id, self.kind, self.handled);
        EngineStatus {
            id,
            kind,
            state,
            mailbox: self.mailbox.letters().len(),
            handled,
        }
    }

    /// Messages of the block at `height` that it has handled.
    pub(crate) fn handled_at(&self, height: Height) -> u64 {
        match self.ordinal_height == height {
            true => self.ordinal,
            false => 0,
        }
    }

    /// It was started afresh after the block at `height`: its `init` has drawn the random numbers of one more message.
    pub(crate) fn began_afresh(&mut self, height: Height) {
        (self.ordinal_height, self.ordinal) = (height, self.handled_at(height) + 1);
    }

    /// Counts `count` more messages of the block at `height`; returns how many there were before.
    pub(crate) fn count(&mut self, height: Height, count: usize) -> u64 {
        let before = self.handled_at(height);
        (self.ordinal_height, self.ordinal) = (height, before + count as u64);
        self.handled += count as u64;
        before
    }
}

/// A state that could not be settled.
struct Lost {
    text: String,
    kept: Option<Kept>,
}

impl Lost {
    /// Of a defect: nothing is left of the state.
    fn all(text: &str) -> Self {
        let (text, kept) = (text.to_owned(), None);
        Self { text, kept }
    }
}

fn settle(old: Instance, next: Option<Next>, entry: &KindEntry) -> Result<Instance, Lost> {
    const PANICKED: &str = "the new state could not be put together: a move panicked";
    const NO_WAY: &str = "the state does not fit the code and no step leads to it";
    match (&entry.pending, next) {
        (Some(Pending::Settle { step, replaced }), Some(Next::Prepared(prepared))) => {
            let settled = step.settle(old, prepared);
            let settled = settled.map_err(|_| Lost::all(NO_WAY))?;
            let settled = settled.ok_or_else(|| Lost::all(PANICKED))?;
            replaced.keep_rest(settled.rest);
            Ok(settled.state)
        }
        (Some(Pending::Settle { step, replaced }), None) => match step.settle_defaults(old) {
            Ok(settled) => {
                let settled = settled.ok_or_else(|| Lost::all(PANICKED))?;
                replaced.keep_rest(settled.rest);
                Ok(settled.state)
            }
            Err(Unsettled { old, error }) => {
                let kept = Kept::of(step, &old);
                replaced.keep(old);
                let text = format!("the new state could not be put together: {error}");
                Err(Lost { text, kept })
            }
        },
        (
            Some(Pending::Settle { replaced, .. } | Pending::Replace(replaced)),
            Some(Next::Whole(new)),
        ) => {
            replaced.keep(old);
            Ok(new)
        }
        _ => Err(Lost::all(NO_WAY)),
    }
}
