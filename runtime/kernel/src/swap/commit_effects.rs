//! [`CommitEffects`]: what the transitions of an upgrade did beside making new states, carried out in one
//! go right after the commit. Nothing in it can fail.

use crate::block::lives::StateIsDropped;
use crate::block::started::{Effects, Started};
use crate::causes::CauseIndex;
use crate::engines::outbox::TimerDeed;
use crate::engines::slot::{Counters, Slot};
use crate::envelope::Signed;
use crate::executor::Executor;
use crate::outcome::BlockOutcome;
use refit_abi::EngineId;

/// The effects of the transitions.
#[derive(Debug, Default)]
pub struct CommitEffects {
    /// Messages sent and engines spawned, for each engine that did so.
    pub counters: Vec<(EngineId, Counters)>,
    /// Engines that were started, in order.
    pub started: Vec<Started>,
    /// The effects of the `init` of engines that were started afresh.
    pub effects: Vec<Effects>,
    /// Engines that were started afresh: their mail stays, the timers of their former lives go.
    pub restarted: Vec<EngineId>,
    /// Engines that were poisoned and have a fresh state beside them.
    pub revived: Vec<EngineId>,
    /// Engines that were retired.
    pub retired: Vec<EngineId>,
    /// Messages that come first in their mailboxes, in order.
    pub first: Vec<FirstMessage>,
}

/// An upgrade message on its way into an ordinary mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstMessage {
    /// The receiver.
    pub to: EngineId,
    /// The sender, and its part of the header.
    pub signed: Signed,
    /// postcard.
    pub payload: Vec<u8>,
}

impl CommitEffects {
    /// Whether there is nothing to carry out.
    fn is_empty(&self) -> bool {
        let Self {
            counters,
            started,
            effects,
            restarted,
            revived,
            retired,
            first,
        } = self;
        counters.is_empty()
            && started.is_empty()
            && effects.is_empty()
            && restarted.is_empty()
            && revived.is_empty()
            && retired.is_empty()
            && first.is_empty()
    }
}

impl Executor {
    /// Carries it out, with the generation that is live now. Gives how many timers were dropped.
    pub(crate) fn take_over(&mut self, effects: CommitEffects) -> u64 {
        if effects.is_empty() {
            return 0;
        }
        let (table, frame) = (self.table(), self.frame);
        // All of it comes from the upgrade.
        let cause = self.causes.begin();
        let mut out = std::mem::take(&mut self.between);
        for (engine, counters) in effects.counters {
            self.engines.with(engine, |slot| slot.counters = counters);
        }
        let mut timers_dropped = 0;
        for engine in effects.restarted {
            timers_dropped += self.begin_afresh(engine);
        }
        let mut outboxes = Vec::new();
        for started in effects.started {
            let (slot, outbox) = started.into_parts();
            self.engines.place(slot);
            out.stats.spawned += 1;
            outboxes.extend(outbox);
        }
        for engine in effects.revived {
            self.engines.with(engine, Slot::revive);
        }
        for engine in effects.retired {
            self.end(engine, &table, StateIsDropped::Later, &mut out);
        }
        // The `init` of an engine that was started afresh ran beside its place.
        let afresh: Vec<_> = effects.effects.into_iter().filter_map(|e| e.0).collect();
        for outbox in &afresh {
            for deed in &outbox.timers {
                if let TimerDeed::Set(timer) = deed {
                    self.engines.with(timer.engine, |slot| {
                        slot.timers.add(timer.id, timer.at, timer.payload.len())
                    });
                }
            }
        }
        self.deliver_first(effects.first, cause, &mut out);
        for mut outbox in outboxes.into_iter().chain(afresh) {
            outbox.stamp(cause);
            self.route(
                std::slice::from_mut(&mut *outbox),
                &table,
                frame,
                &mut out,
                0,
            );
        }
        self.causes.let_go(cause);
        self.causes.collect();
        self.close_gaps(&table, &mut out);
        self.between = out;
        timers_dropped
    }

    /// Drops the timers of an engine's former life; returns how many.
    fn begin_afresh(&mut self, engine: EngineId) -> u64 {
        let height = self.height;
        let timers = self.engines.with(engine, |slot| {
            slot.began_afresh(height);
            slot.timers.take_all()
        });
        let mut dropped = 0;
        for (id, at) in timers.into_iter().flatten() {
            self.cancel_timer(at, engine, id);
            dropped += 1;
        }
        dropped
    }

    /// Delivers the letters and turns each mailbox so that they come before what waited there.
    fn deliver_first(
        &mut self,
        mail: Vec<FirstMessage>,
        cause: CauseIndex,
        out: &mut BlockOutcome,
    ) {
        let mut arrived: Vec<(EngineId, usize)> = Vec::new();
        for letter in mail {
            let to = letter.to;
            let before = self.mailbox(to);
            self.deliver(to, letter.signed.envelope(cause), &letter.payload, out);
            if self.mailbox(to) > before {
                arrived.push((to, before));
            }
        }
        // The first letter of each engine knows how many waited before.
        arrived.sort_by_key(|(to, before)| (*to, *before));
        arrived.dedup_by_key(|(to, _)| *to);
        for (to, before) in arrived {
            self.engines.with(to, |slot| slot.mailbox.first(before));
        }
    }

    fn mailbox(&self, engine: EngineId) -> usize {
        let waiting = |slot: &Slot| slot.mailbox.letters().len();
        self.engines.look(engine, waiting).unwrap_or(0)
    }
}
