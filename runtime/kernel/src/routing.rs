//! Carrying out what a round's outboxes hold: engines started and stopped, timers set, messages
//! delivered, in the order of the chunks.

use crate::chunk::Chunk;
use crate::dead_letters::DeadLetter;
use crate::directory::Place;
use crate::executor::{Executor, StartError};
use crate::limits::{CHUNK_ENGINES, ENGINES_MAX, LOG_LINES_PER_BLOCK_MAX, SPAWN_DEPTH_MAX};
use crate::newborn::{Newborn, Start};
use crate::outbox::{CancelledTimer, Outbox, Spawn, Stop, TimerDeed};
use crate::outcome::{BlockOutcome, LogLine};
use crate::round::SharedChunk;
use crate::slot::{Letter, Slot, SlotState};
use crate::table::GenerationTable;
use crate::timers::Timer;
use crate::trouble::{self, Trouble};
use parking_lot::RwLock;
use refit_abi::host::{BlockFrame, running};
use refit_abi::raw::{Codec, DeliveryKind};
use refit_abi::{EngineId, Sender};
use std::sync::Arc;

impl Executor {
    /// Carries out what an outbox holds, and gives it back empty, with its memory. `depth` is how
    /// many engines' `init` are being carried out around this one.
    pub(crate) fn route(
        &mut self,
        mut outbox: Outbox,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
        depth: usize,
    ) -> Outbox {
        out.stats.add(&outbox.stats);
        out.replies.append(&mut outbox.replies);
        out.events.append(&mut outbox.events);
        append_logs(out, &mut outbox.logs);
        for trouble in outbox.troubles.drain(..) {
            trouble::keep(&mut out.troubles, || trouble);
        }
        for (kind, count) in outbox.faults.drain(..) {
            if let Some(entry) = table.get(kind) {
                let kind = entry.kind.descriptor().kind.clone();
                *out.faults.entry(kind).or_default() += count;
            }
        }
        for letter in outbox.dead.drain(..) {
            self.bury(letter, out);
        }
        let spawns = std::mem::take(&mut outbox.spawns);
        for spawn in &spawns {
            self.spawn(spawn, &outbox.bytes, table, frame, out, depth);
        }
        self.route_sends(&outbox, table, out);
        self.route_timers(&mut outbox);
        for notice in outbox.notices.drain(..) {
            self.deliver_notice(&notice, out);
        }
        for stop in outbox.stops.drain(..) {
            self.stop(&stop, table, out);
        }
        outbox.clear();
        outbox
    }

    /// Keeps a dead letter that is counted, and tells of it.
    pub(crate) fn bury(&mut self, letter: DeadLetter, out: &mut BlockOutcome) {
        trouble::keep(&mut out.troubles, || {
            let kind = self.with_slot(letter.to, |slot| slot.kind);
            let table = self.table();
            Trouble::buried(&letter, kind.and_then(|kind| table.get(kind)))
        });
        self.dead.push(letter);
    }

    fn route_timers(&mut self, outbox: &mut Outbox) {
        for deed in outbox.timers.drain(..) {
            match deed {
                TimerDeed::Set(timer) => {
                    let set = Timer {
                        engine: timer.engine,
                        id: timer.id,
                        schema: timer.schema,
                        payload: outbox.bytes[timer.payload].to_vec(),
                    };
                    self.timers.set(timer.at, set);
                }
                TimerDeed::Cancelled(CancelledTimer { at, engine, id }) => {
                    self.timers.cancel(at, engine, id);
                }
            }
        }
    }

    fn route_sends(&mut self, outbox: &Outbox, table: &GenerationTable, out: &mut BlockOutcome) {
        for send in &outbox.sends {
            let letter = Letter {
                sender: Sender::Engine(send.from),
                sequence: send.sequence,
                schema: send.schema,
                codec: Codec::Postcard,
                kind: DeliveryKind::Message,
                ticket: None,
                payload: 0..0,
            };
            let payload = &outbox.bytes[send.payload.clone()];
            self.deliver_from((send.kind, table), send.to, letter, payload, out);
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
        let start = Start {
            id: spawn.id,
            kind: spawn.kind,
            parent: Some(spawn.parent),
            config: (Codec::Postcard, &bytes[spawn.config.clone()]),
            children: 0,
            sent: 0,
            timers_set: 0,
            node_timers: self.timers.len(),
        };
        let started = if depth < SPAWN_DEPTH_MAX {
            self.vacant(spawn.id)
                .and_then(|()| Newborn::init(table, &start, frame))
        } else {
            Err(StartError::Depth { engine: spawn.id })
        };
        match started {
            Ok(newborn) => {
                out.stats.spawned += 1;
                self.settle_in(newborn, table, frame, out, depth + 1);
            }
            Err(error) => {
                let line = error.to_string();
                append_logs(
                    out,
                    &mut vec![LogLine {
                        engine: spawn.parent,
                        level: 1,
                        line,
                    }],
                );
            }
        }
    }

    /// Whether an engine may be started under `id`.
    pub(crate) fn vacant(&self, id: EngineId) -> Result<(), StartError> {
        if self.directory.get(id).is_some() {
            return Err(StartError::Taken { engine: id });
        }
        if self.directory.len() >= ENGINES_MAX {
            return Err(StartError::Full);
        }
        Ok(())
    }

    /// Gives a started engine its place, and carries out what its `init` asked for.
    pub(crate) fn settle_in(
        &mut self,
        newborn: Newborn,
        table: &GenerationTable,
        frame: BlockFrame,
        out: &mut BlockOutcome,
        depth: usize,
    ) {
        let (slot, effects) = newborn.into_parts();
        self.place(slot);
        if let Some(effects) = effects {
            self.route(*effects, table, frame, out, depth);
        }
    }

    pub(crate) fn place(&mut self, slot: Slot) -> Place {
        let full = |chunk: &SharedChunk| chunk.read().slots.len() >= CHUNK_ENGINES;
        if self.chunks.last().is_none_or(full) {
            self.chunks.push(Arc::new(RwLock::new(Chunk::default())));
        }
        let chunk = (self.chunks.len() - 1) as u32;
        let mut last = self.chunks[chunk as usize].write();
        let place = Place {
            chunk,
            slot: last.slots.len() as u32,
        };
        Arc::make_mut(&mut self.directory).insert(slot.id, place);
        last.slots.push(slot);
        place
    }

    fn stop(&mut self, stop: &Stop, table: &GenerationTable, out: &mut BlockOutcome) {
        let Some(place) = self.directory.get(stop.engine) else {
            return;
        };
        let chunk = self.chunks[place.chunk as usize].clone();
        let mut chunk = chunk.write();
        let slot = &mut chunk.slots[place.slot as usize];
        if slot.id != stop.by && slot.parent != Some(stop.by) {
            let line = format!(
                "may not stop `{}`: neither itself nor its child",
                stop.engine
            );
            append_logs(
                out,
                &mut vec![LogLine {
                    engine: stop.by,
                    level: 2,
                    line,
                }],
            );
            return;
        }
        end(slot, table, self.height);
    }
}

/// Stops an engine and drops its state.
pub(crate) fn end(slot: &mut Slot, table: &GenerationTable, height: refit_abi::Height) {
    if let Some(entry) = table.get(slot.kind) {
        slot.settle(entry, height);
        let before = std::mem::replace(&mut slot.state, SlotState::Stopped);
        if let SlotState::Live(instance) = before {
            let _about = running::about(slot.id);
            crate::slot::leak_if_unfit(entry.kind.discard(instance));
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
