//! A restart: an engine's life begins again, and what of the one before goes on.

use super::{Done, OrderError};
use crate::block::lives::settle;
use crate::block::start::StartError;
use crate::block::started::{Start, Started};
use crate::causes::Allowance;
use crate::engines::configuration::Configuration;
use crate::engines::slot::{Counters, Slot, SlotState};
use crate::executor::Executor;
use crate::generation::replaced::leak_if_unfit;
use crate::generation::table::{GenerationTable, KindIndex};
use crate::outcome::BlockOutcome;
use refit_abi::EngineId;
use refit_abi::host::{BlockFrame, CallError, running};
use refit_abi::raw::Codec;

/// The part of an engine that outlives a restart.
struct Former {
    kind: KindIndex,
    parent: Option<EngineId>,
    codec: Codec,
    config: Vec<u8>,
    counters: Counters,
    timers_set: u64,
    ordinal: u64,
    was_poisoned: bool,
}

impl Executor {
    pub(super) fn restart(
        &mut self,
        engine: EngineId,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) -> Result<Done, OrderError> {
        let former = self.former(engine, table, out)?;
        let parameters = self.parameters.clone();
        let start = Start {
            id: engine,
            kind: former.kind,
            parent: former.parent,
            config: Configuration {
                codec: former.codec,
                bytes: &former.config,
            },
            counters: former.counters,
            timers_set: former.timers_set,
            ordinal: former.ordinal,
            node_timers: self.timers.len(),
            parameters: &parameters,
            allowance: Allowance::of(&parameters.message),
        };
        let started = Started::init(table, &start, frame).map_err(|error| {
            let error = match error {
                StartError::Init { error, .. } => error,
                _ => CallError::WrongState,
            };
            OrderError::Init { engine, error }
        })?;
        let cause = self.causes.begin();
        let (fresh, effects) = started.into_parts();
        let timers_dropped = self.begin_again(fresh, table);
        if let Some(mut effects) = effects {
            effects.stamp(cause);
            let effects = std::slice::from_mut(&mut *effects);
            self.route(effects, table, frame, out, 0);
        }
        self.causes.let_go(cause);
        Ok(Done::Restarted {
            was_poisoned: former.was_poisoned,
            timers_dropped,
        })
    }

    /// The part of an engine's former life that its fresh one needs.
    fn former(
        &self,
        engine: EngineId,
        table: &GenerationTable,
        out: &mut BlockOutcome,
    ) -> Result<Former, OrderError> {
        let height = self.height;
        let found = self.engines.with(engine, |slot| {
            let entry = table.get(slot.kind)?;
            settle(slot, entry, self.settling.update_point, out);
            let (found, taken) = (slot.config_schema, entry.kind.descriptor().config);
            let config = slot.config_for(taken);
            Some(
                config
                    .ok_or(OrderError::Configuration {
                        engine,
                        found,
                        taken,
                    })
                    .map(|config| Former {
                        kind: slot.kind,
                        parent: slot.parent,
                        codec: config.codec,
                        config: config.bytes.to_vec(),
                        counters: slot.counters,
                        timers_set: slot.timers.set,
                        ordinal: slot.handled_at(height),
                        was_poisoned: matches!(slot.state, SlotState::Poisoned(_)),
                    }),
            )
        });
        found.flatten().unwrap_or_else(|| {
            let reason = self.engines.directory.absence(engine);
            Err(OrderError::NoEngine { engine, reason })
        })
    }

    /// Puts a fresh life in the place of the one before, whose state is dropped with the code that can; returns how
    /// many timers were.
    fn begin_again(&mut self, fresh: Slot, table: &GenerationTable) -> u64 {
        let engine = fresh.id;
        let former = self.engines.with(engine, |slot| {
            let timers: Vec<_> = slot.timers.take_all().collect();
            (std::mem::replace(&mut slot.state, SlotState::Away), timers)
        });
        let Some((state, timers)) = former else {
            return 0;
        };
        let dropped = timers.len() as u64;
        for (id, at) in timers {
            self.cancel_timer(at, engine, id);
        }
        if let (SlotState::Live(instance), Some(entry)) = (state, table.get(fresh.kind)) {
            let _about = running::about(engine);
            leak_if_unfit(entry.kind.discard(instance));
        }
        self.engines.with(engine, |slot| slot.begin_again(fresh));
        dropped
    }
}
