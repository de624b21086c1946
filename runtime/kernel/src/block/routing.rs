//! Carrying out what a round's outboxes hold: engines started and stopped, timers set, messages
//! delivered.

use crate::block::start::StartError;
use crate::block::started::{Start, Started};
use crate::causes::{Allowance, CauseIndex};
use crate::engines::configuration::Configuration;
use crate::engines::outbox::{CancelledTimer, Outbox, Spawn, TimerDeed};
use crate::engines::slot::Counters;
use crate::engines::timers::Timer;
use crate::executor::Executor;
use crate::generation::table::{GenerationTable, KindIndex};
use crate::limits::{EFFECT_OVERHEAD_BYTES, LOG_LINES_PER_BLOCK_MAX};
use crate::outcome::dead_letters::DeadLetter;
use crate::outcome::trouble::{self, Trouble};
use crate::outcome::{BlockOutcome, Emitted, LogLine};
use crate::parameters::spent::Spent;
use refit_abi::host::BlockFrame;
use refit_abi::{EngineId, Level, TimerAt, TimerId};
use std::collections::BTreeMap;

impl Executor {
    /// Carries out what outboxes hold, in their order, and empties them; they keep their memory. It is done by the
    /// kind of the deed and then by outbox: what comes before what does not depend on how engines are packed into
    /// chunks. `depth` is how many engines' `init` are being carried out around this.
    pub(crate) fn route(
        &mut self,
        outboxes: &mut [Outbox],
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
        depth: usize,
    ) {
        for outbox in &mut *outboxes {
            self.count_caused(outbox);
            take_effects(outbox, table, out);
            for answer in outbox.answers.drain(..) {
                self.answer(answer, out);
            }
        }
        for letter in outboxes.iter_mut().flat_map(|outbox| outbox.dead.drain(..)) {
            self.bury(letter, out);
        }
        for outbox in &*outboxes {
            for spawn in &outbox.spawns {
                self.spawn(spawn, &outbox.bytes, table, frame, out, depth);
            }
        }
        for outbox in &*outboxes {
            self.route_sends(outbox, table, out);
        }
        for outbox in &mut *outboxes {
            self.route_timers(outbox);
        }
        for outbox in &*outboxes {
            for notice in &outbox.notices {
                self.deliver_notice(notice, out);
            }
        }
        for outbox in &mut *outboxes {
            for stop in &outbox.stops {
                self.stop(stop, table, out);
            }
            outbox.clear();
        }
    }

    /// Counts what causes are charged before it is carried out: what an `init` may do then is what is left.
    fn count_caused(&mut self, outbox: &Outbox) {
        let effect =
            |event: &Emitted| event.topic.len() + event.payload.len() + EFFECT_OVERHEAD_BYTES;
        self.used.effect_bytes += outbox.events.iter().map(effect).sum::<usize>() as u64;
        for (cause, spent) in &outbox.charges {
            self.causes.charge(*cause, *spent);
        }
        for spawn in &outbox.spawns {
            let spent = Spent {
                starts: 1,
                ..Spent::default()
            };
            self.causes.charge(spawn.cause, spent);
        }
    }

    /// The outputs that further engines of this round may make in their `init`: all of them share the room of a
    /// round.
    fn left_to_start(&self) -> Spent {
        let left = self.parameters.round.made().minus(self.used.started);
        Spent {
            messages: left.deeds as u64,
            bytes: left.bytes.min(left.effect_bytes) as u64,
            starts: left.deeds as u64,
        }
    }

    /// Keeps a dead letter that is counted, and reports it.
    pub(crate) fn bury(&mut self, letter: DeadLetter, out: &mut BlockOutcome) {
        trouble::keep(&mut out.troubles, || {
            let kind = self.engines.with(letter.to, |slot| slot.kind);
            let table = self.table();
            Trouble::buried(&letter, kind.and_then(|kind| table.get(kind)))
        });
        self.dead.push(letter, self.parameters.dead_letters);
    }

    fn route_timers(&mut self, outbox: &mut Outbox) {
        for deed in outbox.timers.drain(..) {
            match deed {
                // A timer of an engine that has stopped since is dropped, as all its timers were.
                TimerDeed::Set(timer) if self.engines.directory.get(timer.engine).is_none() => {}
                TimerDeed::Set(timer) => {
                    let spent = Spent {
                        messages: 1,
                        bytes: timer.payload.len() as u64,
                        starts: 0,
                    };
                    self.causes.charge(timer.cause, spent);
                    self.causes.add_timer(timer.cause);
                    let set = Timer {
                        cause: timer.cause,
                        engine: timer.engine,
                        id: timer.id,
                        schema: timer.schema,
                        payload: outbox.bytes[timer.payload].to_vec(),
                    };
                    self.timers.set(timer.at, set);
                }
                TimerDeed::Cancelled(CancelledTimer { at, engine, id, .. }) => {
                    self.cancel_timer(at, engine, id);
                }
            }
        }
    }

    /// Drops a timer that is not to come.
    pub(crate) fn cancel_timer(&mut self, at: TimerAt, engine: EngineId, id: TimerId) {
        if let Some(timer) = self.timers.cancel(at, engine, id) {
            self.causes.drop_ref(timer.cause);
        }
    }

    fn spawn(
        &mut self,
        spawn: &Spawn,
        bytes: &[u8],
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
        depth: usize,
    ) {
        let parameters = self.parameters.clone();
        let start = Start {
            id: spawn.id,
            kind: spawn.kind,
            parent: Some(spawn.parent),
            config: Configuration::postcard(&bytes[spawn.config.clone()]),
            counters: Counters::default(),
            timers_set: 0,
            ordinal: 0,
            node_timers: self.timers.len(),
            parameters: &parameters,
            allowance: Allowance::of(&parameters.message)
                .within(self.causes.left(spawn.cause))
                .within(self.left_to_start()),
        };
        let depth_max = parameters.engines.spawn_depth;
        let started = if depth < depth_max {
            self.vacant(spawn.id)
                .and_then(|()| Started::init(table, &start, frame))
        } else {
            let engine = spawn.id;
            Err(StartError::Depth { engine, depth_max })
        };
        match started {
            Ok(started) => {
                out.stats.spawned += 1;
                self.settle_in(started, spawn.cause, table, frame, out, depth + 1);
            }
            Err(error) => {
                let line = error.to_string();
                append_logs(
                    out,
                    &mut vec![LogLine {
                        engine: spawn.parent,
                        level: Level::Error,
                        line,
                    }],
                );
            }
        }
    }

    /// Gives a started engine its place, and carries out what its `init` asked for.
    pub(crate) fn settle_in(
        &mut self,
        started: Started,
        cause: CauseIndex,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
        depth: usize,
    ) {
        let (slot, effects) = started.into_parts();
        self.engines.place(slot);
        if let Some(mut effects) = effects {
            self.used.started = self.used.started.plus(effects.made());
            effects.stamp(cause);
            self.route(
                std::slice::from_mut(&mut *effects),
                table,
                frame,
                out,
                depth,
            );
        }
    }
}

/// Takes over what needs no routing.
fn take_effects(outbox: &mut Outbox, table: &GenerationTable, out: &mut BlockOutcome) {
    out.stats.add(&outbox.stats);
    out.events.append(&mut outbox.events);
    append_logs(out, &mut outbox.logs);
    for trouble in outbox.troubles.drain(..) {
        trouble::keep(&mut out.troubles, || trouble);
    }
    add_by_kind(&mut out.faults, &mut outbox.faults, table);
    add_by_kind(&mut out.messages, &mut outbox.messages, table);
}

/// Takes over counts, under the names of their kinds.
fn add_by_kind(
    all: &mut BTreeMap<String, u64>,
    counts: &mut Vec<(KindIndex, u64)>,
    table: &GenerationTable,
) {
    for (kind, count) in counts.drain(..) {
        let Some(entry) = table.get(kind) else {
            continue;
        };
        let kind = &entry.kind.descriptor().kind;
        // Without a copy of the name: it is there from the first round of a block on.
        match all.get_mut(kind) {
            Some(all) => *all += count,
            None => drop(all.insert(kind.clone(), count)),
        }
    }
}

pub(crate) fn append_logs(out: &mut BlockOutcome, lines: &mut Vec<LogLine>) {
    let room = LOG_LINES_PER_BLOCK_MAX - out.logs.len().min(LOG_LINES_PER_BLOCK_MAX);
    if lines.len() > room {
        out.stats.log_lines_dropped += (lines.len() - room) as u64;
        lines.truncate(room);
    }
    out.logs.append(lines);
}
