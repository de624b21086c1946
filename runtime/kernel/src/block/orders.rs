//! [`Order`]: an operator's change to the state, as an entry of a block: every node that executes the block makes it
//! too, between the same two messages.
//!
//! - *Parameters* hold from the next block on: this one is executed to its end by those that its header names. Of
//!   several entries the later is applied to what the former leaves.
//! - *Restart* starts an engine afresh, with the configuration that it was started with, under the rule of every
//!   restart: its state and its timers go, its mail stays and so do the engines that it has started; its counts go on,
//!   and its `init` draws random numbers that no message of the block draws. An engine that was poisoned serves again.
//!   Messages before it in the block wait in the mailbox, as all of a block do, and reach the fresh state.
//!   If its `init` does not succeed nothing has changed.
//! - *Revive* gives a poisoned engine the state that it had before the message that poisoned it; whoever orders it has
//!   found that by executing the blocks again. Mail, timers and counts go on; what was answered stays answered. The code
//!   must be of the schema that it was poisoned with.
//! - A *plan* is for readers of the blocks, and changes nothing.
//!
//! An order that has a key is carried out once, by the rules of [`Keys`](crate::keys) and in the table of all keys: one
//! that has done nothing leaves its key free.

mod restart;
mod revive;

pub use revive::Revival;

use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::keys::{Admitted, At, Key, RequestDigest, Share};
use crate::outcome::BlockOutcome;
use crate::outcome::ordered::{OrderError, Ordered};
use crate::parameters::ParameterChanges;
use crate::reply::done::{Done, PlanDigest};
use crate::reply::refusal::KeyRefusal;
use refit_abi::EngineId;
use refit_abi::host::BlockFrame;

/// An operator's change to the state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Other parameters from the next block on.
    Parameters(ParameterChanges),
    /// An engine starts afresh.
    Restart(EngineId),
    /// A poisoned engine goes on with a state that it had.
    Revive(Revival),
    /// A plan is taken on, or has been armed.
    Plan {
        /// The digest of the plan.
        plan: PlanDigest,
        /// All that the entry says of it.
        entry: Vec<u8>,
    },
}

/// Under which key an order is carried out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderKey {
    /// The key.
    pub key: Key,
    /// By which way it came in.
    pub share: Share,
}

/// An order, and the index of its entry in the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedOrder {
    /// The index, from 0.
    pub index: u64,
    /// Its key. `None`: it is one of its own.
    pub key: Option<OrderKey>,
    /// The order itself.
    pub order: Order,
}

impl Order {
    /// The digest that shows whether another order under the same key is the same.
    pub fn request(&self) -> RequestDigest {
        match self {
            Order::Parameters(changes) => RequestDigest::of_order(0, &changes.to_bytes()),
            Order::Restart(engine) => RequestDigest::of_order(1, &engine.to_bytes()),
            Order::Plan { entry, .. } => RequestDigest::of_order(2, entry),
            // The state is what the blocks give, and no part of what is asked for.
            Order::Revive(revival) => RequestDigest::of_order(3, &revival.engine.to_bytes()),
        }
    }
}

impl Executor {
    /// Carries out what one entry of a block orders. Parameters are not in force until the block has ended.
    pub(crate) fn carry_out(
        &mut self,
        PlacedOrder { index, key, order }: PlacedOrder,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) {
        let now = self.now();
        let admitted = key.map_or(Admitted::Deliver, |OrderKey { key, share }| {
            self.keys.admit(key, share, order.request(), now.height)
        });
        let refused = |why: KeyRefusal| (now, false, Err(OrderError::Key(why)));
        let (at, repeated, outcome) = match admitted {
            Admitted::Deliver => {
                let outcome = self.act(order, table, frame, out);
                if let Some(OrderKey { key, .. }) = key {
                    let done = outcome.as_ref().ok().copied();
                    self.keys.settle_order(key, done, now);
                }
                (now, false, outcome)
            }
            Admitted::Done(at, done) => (at, true, Ok(done)),
            Admitted::Refused(why) => refused(why),
            // A message has not the digest of an order.
            Admitted::Waits | Admitted::Again(..) => refused(KeyRefusal::Used),
        };
        out.ordered.push(Ordered {
            index,
            at,
            repeated,
            outcome,
        });
    }

    /// The earlier outcome of an order under a key, without carrying it out: its effect, or why it will have none.
    /// `None`: the key is free.
    pub fn ordered_before(
        &self,
        key: Key,
        order: &Order,
    ) -> Option<Result<(At, Done), KeyRefusal>> {
        let admitted = self.keys.look(key, order.request())?;
        Some(match admitted {
            Admitted::Done(at, done) => Ok((at, done)),
            Admitted::Refused(why) => Err(why),
            Admitted::Deliver | Admitted::Waits | Admitted::Again(..) => Err(KeyRefusal::Used),
        })
    }

    fn act(
        &mut self,
        order: Order,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) -> Result<Done, OrderError> {
        match order {
            Order::Parameters(changes) => self.change_parameters(&changes, out),
            Order::Restart(engine) => self.restart(engine, table, frame, out),
            Order::Plan { plan, .. } => Ok(Done::Plan(plan)),
            Order::Revive(revival) => self.revive(&revival, table),
        }
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
}
