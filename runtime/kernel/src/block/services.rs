//! The services that a handler calls: each puts what is asked for into the outbox of the engine's chunk, if the message
//! has room for it.

use crate::block::running::Running;
use crate::engines::outbox::{CancelledTimer, NewTimer, Outgoing, Spawn, Stop, TimerDeed};
use crate::envelope::Signed;
use crate::limits::{EFFECT_OVERHEAD_BYTES, LOG_LINE_BYTES_MAX};
use crate::outcome::{Emitted, LogLine};
use crate::parameters::spent::Spent;
use refit_abi::descriptor::Ability;
use refit_abi::host::{Services, Wanted, shown};
use refit_abi::raw::{CallStatus, HostStatus, RawBudget};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Level, TimerAt, TimerId};

impl Services for Running<'_> {
    #[inline]
    fn send(&mut self, index: usize, to: EngineId, schema: SchemaId, payload: &[u8]) -> HostStatus {
        let fits = self.begin(index, payload.len());
        let sends = self.outbox.sends.len() - self.mark.sends + 1;
        let most = &self.parameters.message;
        if !fits || !self.allowed.has_sends(sends, most) || !self.take(payload.len(), 0) {
            return HostStatus::Budget;
        }
        let cause = self.cause(index);
        let payload = self.outbox.put(payload);
        let sequence = self.counters.sent;
        self.counters.sent += 1;
        self.outbox.sends.push(Outgoing {
            signed: Signed {
                from: self.id,
                sequence,
                schema,
            },
            kind: self.kind,
            cause,
            to,
            payload,
        });
        HostStatus::Ok
    }

    fn spawn(&mut self, index: usize, wanted: Wanted<'_>) -> Result<EngineId, HostStatus> {
        let fits = self.begin(index, wanted.config.len());
        let spawns = self.outbox.spawns.len() - self.mark.spawns + 1;
        if !fits || !self.allowed.has_spawns(spawns, &self.parameters.message) {
            return Err(HostStatus::Budget);
        }
        let (kind, entry) = self.table.find(wanted.kind).ok_or(HostStatus::Unknown)?;
        if !self.table.may(self.kind, Ability::Spawn, kind) {
            return Err(HostStatus::Forbidden);
        }
        if entry.kind.descriptor().config != wanted.schema {
            return Err(HostStatus::Schema);
        }
        if !self.take(wanted.config.len(), 0) {
            return Err(HostStatus::Budget);
        }
        let id = self.id.child(self.counters.children);
        self.counters.children += 1;
        let cause = self.cause(index);
        let config = self.outbox.put(wanted.config);
        self.outbox.spawns.push(Spawn {
            parent: self.id,
            id,
            kind,
            cause,
            config,
        });
        Ok(id)
    }

    fn stop(&mut self, index: usize, engine: EngineId) -> HostStatus {
        let fits = self.begin(index, 0);
        let stops = self.outbox.stops.len() - self.mark.stops;
        if !fits || stops >= self.parameters.message.stops || !self.take(0, 0) {
            return HostStatus::Budget;
        }
        self.outbox.stops.push(Stop {
            by: self.id,
            engine,
        });
        HostStatus::Ok
    }

    fn timer(
        &mut self,
        index: usize,
        at: TimerAt,
        schema: SchemaId,
        payload: &[u8],
    ) -> Result<TimerId, HostStatus> {
        let fits = self.begin(index, payload.len());
        if !fits || self.timers_left() == 0 || !self.has_room_for_timer(payload.len()) {
            return Err(HostStatus::Budget);
        }
        let past = match at {
            TimerAt::Height(height) => height <= self.frame.height,
            TimerAt::Time(time) => time <= self.frame.time,
        };
        if past {
            return Err(HostStatus::Past);
        }
        // One that its own code does not take would be a dead letter when it comes.
        let kind = self.table.get(self.kind).map(|entry| &entry.kind);
        if kind.is_none_or(|kind| !kind.descriptor().accepts(schema)) {
            return Err(HostStatus::Schema);
        }
        if !self.take(payload.len(), 0) {
            return Err(HostStatus::Budget);
        }
        let payload = self.outbox.put(payload);
        let id = self.timers.set(at, payload.len());
        let cause = self.cause(index);
        self.outbox.timers.push(TimerDeed::Set(NewTimer {
            at,
            engine: self.id,
            id,
            schema,
            cause,
            payload,
        }));
        Ok(id)
    }

    fn cancel_timer(&mut self, index: usize, id: TimerId) -> HostStatus {
        self.begin(index, 0);
        let bytes = self.timers.bytes_of(id);
        let Some(at) = self.timers.take(id) else {
            return HostStatus::Unknown;
        };
        let engine = self.id;
        let deed = CancelledTimer {
            at,
            engine,
            id,
            bytes,
        };
        self.outbox.timers.push(TimerDeed::Cancelled(deed));
        HostStatus::Ok
    }

    fn budget_left(&self, index: usize) -> RawBudget {
        let begun = self.mark.index == index;
        let most = match begun {
            true => self.allowed,
            false => self.portion(index),
        };
        let most = most.allowance(&self.parameters.message);
        let left = |most: usize, now: usize, mark: usize| match begun {
            true => (most - (now - mark).min(most)) as u64,
            false => most as u64,
        };
        let (out, mark) = (&*self.outbox, self.mark);
        let timers = match begun {
            true => self.timers_left(),
            false => self.timers_room().min(most.sends),
        };
        let bytes = out.bytes.len() + mark.emitted;
        RawBudget {
            size: size_of::<RawBudget>(),
            messages: left(most.sends, out.sends.len(), mark.sends),
            bytes: left(most.bytes, bytes, mark.bytes),
            spawns: left(most.spawns, out.spawns.len(), mark.spawns),
            timers: timers as u64,
            events: left(most.sends, out.events.len(), mark.events),
        }
    }

    fn log(&mut self, level: u8, line: &str) {
        if self.outbox.logs.len() >= crate::limits::LOG_LINES_PER_BLOCK_MAX {
            self.outbox.stats.log_lines_dropped += 1;
            return;
        }
        self.outbox.logs.push(LogLine {
            engine: self.id,
            level: Level::at_seam(level),
            line: shown(line, LOG_LINE_BYTES_MAX),
        });
    }

    fn emit(&mut self, index: usize, topic: &str, payload: &[u8]) -> HostStatus {
        let bytes = topic.len() + payload.len();
        let fits = self.begin(index, bytes);
        let events = self.outbox.events.len() - self.mark.events + 1;
        let most = &self.parameters.message;
        let effect = bytes + EFFECT_OVERHEAD_BYTES;
        if !fits || !self.allowed.has_sends(events, most) || !self.take(bytes, effect) {
            return HostStatus::Budget;
        }
        self.mark.emitted += bytes;
        let spent = Spent {
            bytes: bytes as u64,
            ..Spent::default()
        };
        self.outbox.charges.push((self.cause(index), spent));
        let (topic, payload) = (
            shown(topic, self.parameters.events.topic_bytes),
            payload.to_vec(),
        );
        self.outbox.events.push(Emitted {
            engine: self.id,
            topic,
            payload,
        });
        HostStatus::Ok
    }

    fn reply(&mut self, index: usize, status: CallStatus, bytes: &[u8]) {
        match status {
            CallStatus::Ok => self.reply_with(index, bytes),
            _ => self.came_to_nothing(index, status, bytes),
        }
    }
}
