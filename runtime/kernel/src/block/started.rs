//! [`Started`]: an engine whose `init` has run and that has no place yet. What its `init` asked for is
//! kept with it and carried out when it is placed; if it never is, nothing of it was seen.

use crate::block::running::{Allowances, Mark, Running};
use crate::block::start::StartError;
use crate::causes::{Allowance, Portion};
use crate::engines::configuration::Configuration;
use crate::engines::outbox::{Outbox, Spawn};
use crate::engines::room::Turn;
use crate::engines::slot::{Counters, Slot, SlotState};
use crate::engines::slot_timers::SlotTimers;
use crate::generation::table::{GenerationTable, KindIndex};
use crate::parameters::Parameters;
use crate::parameters::spent::Spent;
use refit_abi::EngineId;
use refit_abi::host::{BlockFrame, Instance, Kind, running};
use refit_abi::raw::Codec;

/// The input of an engine's start.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Its id.
    pub id: EngineId,
    /// Its kind.
    pub kind: KindIndex,
    /// The engine that starts it; `None` for a root engine.
    pub parent: Option<EngineId>,
    /// Its configuration.
    pub config: Configuration<'a>,
    /// The messages and engines it has sent and spawned before: none, unless it is started afresh under its old id.
    pub counters: Counters,
    /// Timers it has set before: as above.
    pub timers_set: u64,
    /// Messages it has handled in this block before: as above.
    pub ordinal: u64,
    /// Timers that wait in the node; 0 during an upgrade, where only the engine's own bound holds.
    pub node_timers: usize,
    /// The bounds of its `init`.
    pub parameters: &'a Parameters,
    /// The most that it may do.
    pub allowance: Allowance,
}

/// An engine that was started and has no place yet.
#[derive(Debug)]
#[must_use = "a dropped one leaks its state; place it, or discard it"]
pub struct Started {
    slot: Slot,
    effects: Effects,
}

/// An engine that an `init` wants started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedChild {
    /// Its id.
    pub id: EngineId,
    /// Its kind.
    pub kind: KindIndex,
    /// Its configuration, in postcard.
    pub config: Vec<u8>,
}

/// The effects that an `init` asked for and nobody has seen. Most ask for none: they take no memory.
#[derive(Debug, Default)]
pub struct Effects(pub(crate) Option<Box<Outbox>>);

impl Effects {
    fn of(outbox: Outbox) -> Self {
        Self((!outbox.is_empty()).then(|| Box::new(outbox)))
    }
}

impl Started {
    /// Runs the kind's `init`.
    ///
    /// # Errors
    /// [`StartError::UnknownKind`], [`StartError::Init`]. Whether the id is free is the caller's to know.
    pub fn init(
        table: &GenerationTable,
        start: &Start<'_>,
        frame: BlockFrame,
    ) -> Result<Self, StartError> {
        let entry = table
            .get(start.kind)
            .ok_or_else(|| StartError::UnknownKind {
                kind: format!("#{}", start.kind.0),
            })?;
        let mut counters = start.counters;
        let mut timers = SlotTimers::after(start.timers_set);
        let mut outbox = Outbox::default();
        let mut running = Running {
            outbox: &mut outbox,
            table,
            frame,
            id: start.id,
            kind: start.kind,
            letters: &[],
            arena: &[],
            counters: &mut counters,
            timers: &mut timers,
            node_timers: start.node_timers,
            node_timer_bytes: 0,
            parameters: start.parameters,
            allowances: Allowances::Fixed(start.allowance),
            allowed: Portion::of(start.allowance),
            allowed_of: None,
            turn: Turn::open(),
            mark: Mark::UNSET,
            failed: None,
            panic: None,
        };
        let (id, config) = (start.id, start.config);
        let instance = entry
            .kind
            .init_after(
                start.ordinal,
                id,
                (config.codec, config.bytes),
                frame,
                &mut running,
            )
            .map_err(|error| StartError::Init { engine: id, error })?;
        let mut slot = Slot::new(
            id,
            start.kind,
            start.parent,
            SlotState::Live(instance),
            config.codec,
            config.bytes,
            entry.kind.descriptor().config,
        );
        (slot.counters, slot.timers) = (counters, timers);
        slot.config_read = config_read(&entry.kind, config);
        // The start was the first of its messages: the next one draws other random numbers.
        (slot.ordinal_height, slot.ordinal) = (frame.height, start.ordinal + 1);
        Ok(Self {
            slot,
            effects: Effects::of(outbox),
        })
    }

    /// Takes the engines that its `init` wants started; the caller starts them.
    pub fn take_spawns(&mut self) -> Vec<WantedChild> {
        let Effects(Some(outbox)) = &mut self.effects else {
            return Vec::new();
        };
        let spawns = std::mem::take(&mut outbox.spawns);
        let wanted = |spawn: Spawn| WantedChild {
            id: spawn.id,
            kind: spawn.kind,
            config: outbox.bytes[spawn.config].to_vec(),
        };
        spawns.into_iter().map(wanted).collect()
    }

    /// The requests of its `init` beside engines: messages and timers, and the bytes of all of it.
    pub fn asked(&self) -> Spent {
        let Effects(Some(outbox)) = &self.effects else {
            return Spent::default();
        };
        let events = outbox.events.iter();
        let events = events.map(|event| event.topic.len() + event.payload.len());
        let logs = outbox.logs.iter().map(|line| line.line.len());
        let bytes = outbox.bytes.len() + events.sum::<usize>() + logs.sum::<usize>();
        Spent {
            messages: (outbox.sends.len() + outbox.timers.len()) as u64,
            bytes: bytes as u64,
            starts: 0,
        }
    }

    /// Its id.
    pub fn id(&self) -> EngineId {
        self.slot.id
    }

    /// Its kind.
    pub fn kind(&self) -> KindIndex {
        self.slot.kind
    }

    /// The engine that started it.
    pub fn parent(&self) -> Option<EngineId> {
        self.slot.parent
    }

    /// Messages it has sent and engines it has spawned.
    pub fn counters(&self) -> Counters {
        self.slot.counters
    }

    /// Sets [`Started::counters`].
    pub fn set_counters(&mut self, counters: Counters) {
        self.slot.counters = counters;
    }

    /// Takes its state out, to be changed and put back.
    pub fn take_instance(&mut self) -> Option<Instance> {
        match std::mem::replace(&mut self.slot.state, SlotState::Away) {
            SlotState::Live(instance) => Some(instance),
            SlotState::Poisoned(_) | SlotState::Away => None,
        }
    }

    /// Puts its state back.
    pub fn put_instance(&mut self, instance: Instance) {
        self.slot.state = SlotState::Live(instance);
    }

    /// Drops it, with the code that made it.
    pub fn discard(mut self, kind: &Kind) {
        if let Some(instance) = self.take_instance() {
            let _about = running::about(self.slot.id);
            crate::generation::replaced::leak_if_unfit(kind.discard(instance));
        }
    }

    /// The effects of its `init`, without the engine.
    pub fn into_effects(self) -> Effects {
        self.effects
    }

    pub(crate) fn into_parts(self) -> (Slot, Option<Box<Outbox>>) {
        (self.slot, self.effects.0)
    }
}

/// A configuration in JSON as the kind reads it, in postcard; `None` of one that postcard cannot carry
/// there and back.
fn config_read(kind: &Kind, config: Configuration<'_>) -> Option<Box<[u8]>> {
    let Configuration { codec, bytes } = config;
    if codec != Codec::Json {
        return None;
    }
    let (mut read, mut again) = (Vec::new(), Vec::new());
    kind.rewrite_config((codec, bytes), &mut read).ok()?;
    kind.rewrite_config((Codec::Postcard, &read), &mut again)
        .ok()?;
    (read == again).then(|| read.into())
}
