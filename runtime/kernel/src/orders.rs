//! [`Order`]: what an operator does to a state, as an entry of a block: whoever executes the block does it too, at the
//! same place among the block's messages.
//!
//! - *Parameters* hold from the next block on: this one is executed to its end by those that its header names. Of
//!   several entries the later is applied to what the former leaves.
//! - *Restart* starts an engine afresh, with the configuration that it was started with, under the rule of every
//!   restart: its state and its timers go, its mail stays and so do the engines that it has started; its counts go on,
//!   and its `init` draws random numbers that no message of the block draws. An engine that was poisoned serves again.
//!   Messages that stand before it in the block wait in the mailbox, as all of a block do, and come to the fresh state.
//!   If its `init` does not succeed nothing has changed.

use crate::causes::Allowance;
use crate::executor::{Executor, StartError};
use crate::lives::settle;
use crate::newborn::{Newborn, Start};
use crate::outcome::BlockOutcome;
use crate::parameters::{ParameterChanges, ParametersError, ParametersHash};
use crate::slot::{Slot, SlotState, leak_if_unfit};
use crate::table::{GenerationTable, KindIndex};
use refit_abi::host::{BlockFrame, CallError, running};
use refit_abi::raw::Codec;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Undelivered};

/// What an operator does to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Other parameters from the next block on.
    Parameters(ParameterChanges),
    /// An engine starts afresh.
    Restart(EngineId),
    /// Something for whoever reads the blocks: it has its place among the entries, and changes nothing.
    Noted,
}

/// An order, and its place among the entries of its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedOrder {
    /// The place, from 0.
    pub index: u64,
    /// What is to be done.
    pub order: Order,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The order's place among the entries of its block, from 0.
    pub index: u64,
    /// What it has done, or why nothing.
    pub outcome: Result<Done, OrderError>,
}

/// What an order has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Done {
    /// These parameters hold from the next block on.
    Parameters(ParametersHash),
    /// An engine was started afresh.
    Restarted {
        /// Whether it was poisoned before.
        was_poisoned: bool,
        /// Timers of its former life that were dropped.
        timers_dropped: u64,
    },
    /// Nothing: it was [`Order::Noted`].
    Noted,
}

/// Why an order did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The parameters cannot be as it says.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// There is no such engine.
    #[error("engine `{engine}` cannot be started afresh: {reason}; see `refit status`")]
    NoEngine {
        /// The id.
        engine: EngineId,
        /// Whether it ever was.
        reason: Undelivered,
    },
    /// Other code than is live now would have to read its configuration.
    #[error(
        "engine `{engine}` was started with a configuration of schema {found}, and its code takes {taken}; bring code that takes it, or stop the engine and start another"
    )]
    Configuration {
        /// The engine.
        engine: EngineId,
        /// The schema of what it was started with.
        found: SchemaId,
        /// What its code takes now.
        taken: SchemaId,
    },
    /// Its `init` did not succeed: the engine is as it was.
    #[error("engine `{engine}` is as it was: its `init` did not succeed: {error}")]
    Init {
        /// The engine.
        engine: EngineId,
        /// What happened.
        error: CallError,
    },
}

/// What is kept of an engine whose life begins again.
struct Former {
    kind: KindIndex,
    parent: Option<EngineId>,
    config: (Codec, Vec<u8>),
    sent: u64,
    children: u64,
    timers_set: u64,
    ordinal: u64,
    was_poisoned: bool,
}

impl Executor {
    /// Carries out what a block orders at one place. Parameters are not in force until the block has ended.
    pub(crate) fn carry_out(
        &mut self,
        PlacedOrder { index, order }: PlacedOrder,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) {
        let outcome = match order {
            Order::Parameters(changes) => self.change_parameters(&changes, out),
            Order::Restart(engine) => self.restart(engine, table, frame, out),
            Order::Noted => Ok(Done::Noted),
        };
        out.ordered.push(Ordered { index, outcome });
    }

    fn change_parameters(
        &mut self,
        changes: &ParameterChanges,
        out: &mut BlockOutcome,
    ) -> Result<Done, OrderError> {
        let before = out.parameters.as_ref().unwrap_or(&self.parameters);
        let changed = before.changed(changes)?;
        let hash = changed.hash();
        out.parameters = Some(changed.into());
        Ok(Done::Parameters(hash))
    }

    fn restart(
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
            config: (former.config.0, &former.config.1),
            children: former.children,
            sent: former.sent,
            timers_set: former.timers_set,
            ordinal: former.ordinal,
            node_timers: self.timers.len(),
            parameters: &parameters,
            allowance: Allowance::of(&parameters.message),
        };
        let newborn = Newborn::init(table, &start, frame).map_err(|error| {
            let error = match error {
                StartError::Init { error, .. } => error,
                _ => CallError::WrongState,
            };
            OrderError::Init { engine, error }
        })?;
        let cause = self.causes.begin();
        let (fresh, effects) = newborn.into_parts();
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

    /// What a fresh life of an engine needs to know of the one before.
    fn former(
        &self,
        engine: EngineId,
        table: &GenerationTable,
        out: &mut BlockOutcome,
    ) -> Result<Former, OrderError> {
        let height = self.height;
        let found = self.with_slot(engine, |slot| {
            let entry = table.get(slot.kind)?;
            settle(slot, entry, self.update_point, out);
            let (found, taken) = (slot.config_schema, entry.kind.descriptor().config);
            let config = slot.config_for(taken);
            let config = config.map(|(codec, config)| (codec, config.to_vec()));
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
                        config,
                        sent: slot.sent,
                        children: slot.children,
                        timers_set: slot.timers.set,
                        ordinal: slot.handled_at(height),
                        was_poisoned: matches!(slot.state, SlotState::Poisoned(_)),
                    }),
            )
        });
        found.flatten().unwrap_or_else(|| {
            let reason = self.directory.absence(engine);
            Err(OrderError::NoEngine { engine, reason })
        })
    }

    /// Puts a fresh life in the place of the one before, whose state is dropped with the code that can; gives how many
    /// timers were.
    fn begin_again(&mut self, fresh: Slot, table: &GenerationTable) -> u64 {
        let engine = fresh.id;
        let former = self.with_slot(engine, |slot| {
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
        self.with_slot(engine, |slot| slot.begin_again(fresh));
        dropped
    }
}
