//! How one engine crosses: its new state is made beside the old one, whatever the class.

use super::{Stages, Work};
use crate::bus::{EngineBus, Out, Used, When};
use crate::class::Class;
use crate::phase::Failure;
use refit_abi::host::{CallError, Instance, running};
use refit_abi::{EngineId, Height};
use refit_kernel::{Allowance, Counters, Next, SlotRef, Start, StartError, Started};

impl Stages {
    pub(super) fn cross(
        &self,
        item: &Work,
        slot: SlotRef<'_>,
        counters: &mut Counters,
        out: &mut Out,
    ) -> Result<Next, Failure> {
        let engine = slot.id();
        // A panic, or memory that is leaked, is put down to this engine.
        let _about = running::about(engine);
        let failed = |error| Failure::Transition { engine, error };
        let mut bus = EngineBus {
            shared: &self.shared,
            me: engine,
            kind: item.index,
            counters,
            out,
            when: When::Transition,
        };
        let height = self.shared.height();
        let whole = match (item.class, &item.step) {
            (Class::Restart, _) => Ok(self.restart(item, slot, &mut bus)?),
            (Class::Snapshot, _) => {
                let state = self.states.get(&engine);
                let state = state.ok_or(failed(CallError::WrongState))?;
                item.new.decode(state)
            }
            (Class::Translate, _) => {
                let old = slot.instance().ok_or(failed(CallError::WrongState))?;
                translate(item, old, height, &mut bus)
            }
            (Class::MigrateBack, _) => {
                let old = slot.instance().ok_or(failed(CallError::WrongState))?;
                back(item, old, (engine, height), &mut bus)
            }
            (_, Some(step)) if item.whole => {
                let old = slot.instance().ok_or(failed(CallError::WrongState))?;
                step.whole(engine, height, old, &mut bus)
            }
            (_, Some(step)) => {
                let old = slot.instance().ok_or(failed(CallError::WrongState))?;
                let prepared = step
                    .prepare(engine, height, old, &mut bus)
                    .map_err(failed)?;
                return Ok(Next::Prepared(prepared));
            }
            (_, None) => Err(CallError::WrongState),
        };
        let whole = whole.map_err(failed)?;
        // An engine that handles upgrade messages is checked when all are handled.
        if item.new.descriptor().upgrade_message.is_none()
            && let Err(error) = item.new.check(&whole)
        {
            drop(item.new.discard(whole));
            return Err(Failure::Check { engine, error });
        }
        Ok(Next::Whole(whole))
    }

    /// Starts a fresh engine in the place of the old: its state is dropped, as the plan says, and the timers of its
    /// former life; the messages in its mailbox belong to the runtime, and reach the fresh one. Its `init` draws
    /// random numbers that no message of the block drew.
    fn restart(
        &self,
        item: &Work,
        slot: SlotRef<'_>,
        bus: &mut EngineBus<'_>,
    ) -> Result<Instance, Failure> {
        let engine = slot.id();
        let failed = |error| Failure::Restart { engine, error };
        // An engine keeps the configuration of its first start: the new code must read that, whatever is configured
        // now.
        let (found, taken) = (slot.config_schema(), item.new.descriptor().config);
        let Some(config) = slot.config_for(taken) else {
            // Bytes of one type, read as another, could well give something.
            let reason = format!(
                "it was started with a configuration of schema {found}; its code takes {taken}"
            );
            return Err(failed(CallError::Rejected { reason }));
        };
        let start = Start {
            id: engine,
            kind: item.index,
            parent: slot.parent(),
            config,
            counters: *bus.counters,
            timers_set: slot.timers_set(),
            ordinal: slot.handled_at(self.shared.height()),
            node_timers: 0,
            parameters: self.shared.view.parameters(),
            allowance: Allowance::of(&self.shared.view.parameters().message),
        };
        let frame = self.shared.view.frame();
        let mut started = Started::init(&self.shared.table, &start, frame).map_err(|error| {
            failed(match error {
                StartError::Init { error, .. } => error,
                _ => CallError::WrongState,
            })
        })?;
        *bus.counters = started.counters();
        let wanted = started.take_spawns();
        // Charged afterwards: nobody knows before how much an `init` asks for.
        let fits = bus.charge(Used::asked(&started, &wanted));
        let fresh = started.take_instance();
        if !fits {
            fresh.map(|instance| item.new.discard(instance));
            let reason = "its `init` asks for more than the budget of the upgrade".to_owned();
            return Err(failed(CallError::Rejected { reason }));
        }
        bus.out.effects.push(started.into_effects());
        let mut text = Vec::new();
        if let Err(status) = bus.spawn_with_children(engine, wanted, &mut text) {
            fresh.map(|instance| item.new.discard(instance));
            let reason = format!(
                "an engine that it starts does not: {status:?} {}",
                String::from_utf8_lossy(&text)
            );
            return Err(failed(CallError::Rejected { reason }));
        }
        fresh.ok_or(failed(CallError::WrongState))
    }
}

/// The old state as bytes, read by the new code; through its step if the schema changed.
fn translate(
    item: &Work,
    old: &Instance,
    height: Height,
    bus: &mut EngineBus<'_>,
) -> Result<Instance, CallError> {
    // Their layouts differ, so that the new code cannot look at the old memory: bytes are what both understand.
    let mut bytes = Vec::new();
    item.old.encode(old, &mut bytes)?;
    if item.old.descriptor().schema == item.new.descriptor().schema {
        return item.new.decode(&bytes);
    }
    let step = item.step.as_ref().ok_or(CallError::WrongState)?;
    let copy = step.decode_old(&bytes)?;
    let whole = step.whole(bus.me, height, &copy, bus);
    // It was read by this very step; one that were not could only be leaked.
    drop(step.discard_old(copy));
    whole
}

/// The state that the live code takes back to the older version, read by the code of that.
fn back(
    item: &Work,
    live: &Instance,
    frame: (EngineId, Height),
    bus: &mut EngineBus<'_>,
) -> Result<Instance, CallError> {
    let (to, mut bytes) = (item.new.descriptor().schema, Vec::new());
    item.old.migrate_back(live, to, frame, bus, &mut bytes)?;
    item.new.decode(&bytes)
}
