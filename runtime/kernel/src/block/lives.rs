//! The places of engines, from their start to their end.
//!
//! Engines lie without gaps. A new one comes after the last; the places of those that a round has stopped go, lowest
//! first, to the engines that lie last. So whatever walks over all engines walks over the living, however many there
//! were; where each lies comes from starts and stops alone, neither from the workers nor from how many engines make
//! a chunk; and an image needs no more than the engines in their order.

use crate::block::routing::append_logs;
use crate::block::start::StartError;
use crate::engines::directory::Place;
use crate::engines::mailbox::Letter;
use crate::engines::outbox::Stop;
use crate::engines::places::Tenant;
use crate::engines::slot::{Slot, SlotState};
use crate::executor::Executor;
use crate::generation::replaced::ReplacedStates;
use crate::generation::replaced::leak_if_unfit;
use crate::generation::table::{GenerationTable, KindEntry};
use crate::outcome::trouble;
use crate::outcome::{BlockOutcome, LogLine};
use refit_abi::host::{Instance, Kind, running};
use refit_abi::{EngineId, Height, Level, Undelivered};
use std::collections::VecDeque;
use std::sync::Arc;

/// When the state of an engine that ends is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateIsDropped {
    /// At once.
    Now,
    /// With what an upgrade leaves over: it may be large, and a pause lasts.
    Later,
}

impl Executor {
    /// Whether an engine may be started under `id`.
    pub(crate) fn vacant(&self, id: EngineId) -> Result<(), StartError> {
        let (engines, most) = (&self.engines.directory, &self.parameters.engines);
        if engines.get(id).is_some() || engines.has_ended(id) {
            return Err(StartError::Taken { engine: id });
        }
        let (engines_max, names_max) = (most.engines, most.names);
        if engines.len() >= engines_max {
            return Err(StartError::Full { engines_max });
        }
        if id.name().is_some() && engines.names() >= names_max {
            return Err(StartError::Names { names_max });
        }
        Ok(())
    }

    /// Carries out that one engine stops another, if it may. Until [`Executor::close_gaps`] its place is empty.
    pub(crate) fn stop(&mut self, stop: &Stop, table: &GenerationTable, out: &mut BlockOutcome) {
        let Some(parent) = self.engines.with(stop.engine, |slot| slot.parent) else {
            return;
        };
        if stop.engine == stop.by || parent == Some(stop.by) {
            return self.end(stop.engine, table, StateIsDropped::Now, out);
        }
        let line = format!(
            "may not stop `{}`: neither itself nor its child",
            stop.engine
        );
        let line = LogLine {
            engine: stop.by,
            level: Level::Warn,
            line,
        };
        append_logs(out, &mut vec![line]);
    }

    /// Ends an engine: its state, its timers and its dead letters are dropped, and all that wait for an answer of it
    /// learn that it has stopped. Until [`Executor::close_gaps`] its place is empty.
    pub(crate) fn end(
        &mut self,
        engine: EngineId,
        table: &GenerationTable,
        last: StateIsDropped,
        out: &mut BlockOutcome,
    ) {
        let Some(place) = self.engines.directory.get(engine) else {
            return;
        };
        let (mut slot, mail) = self.engines.change(place.chunk, |chunk| {
            let mail = chunk.take_mail(place.slot);
            (chunk.replace(place.slot, Slot::vacant()), mail)
        });
        self.engines.gaps.push(place);
        Arc::make_mut(&mut self.engines.directory).end(engine);
        self.engines.waiting.letters -= mail.letters.len();
        self.engines.waiting.bytes -= mail.bytes();
        for (id, at) in slot.timers.take_all() {
            self.cancel_timer(at, engine, id);
        }
        self.let_go(&mut slot, table, last, out);
        let held = slot.mailbox.take_held();
        for letter in &held.letters {
            self.refuse_stopped(engine, letter, &held.payloads, out);
            self.engines.held.letters -= 1;
            self.engines.held.bytes -= letter.payload.len();
            self.causes.drop_ref(letter.envelope.cause);
        }
        for letter in &mail.letters {
            self.refuse_stopped(engine, letter, &mail.payloads, out);
            self.causes
                .drop_letter(letter.envelope.cause, letter.payload.len());
        }
        // Last, because a letter whose sender could not be told has become one of them.
        self.dead.forget(engine);
    }

    fn refuse_stopped(
        &mut self,
        engine: EngineId,
        letter: &Letter,
        payloads: &[u8],
        out: &mut BlockOutcome,
    ) {
        let payload = letter.payload(payloads);
        self.refuse(engine, &letter.envelope, payload, Undelivered::Stopped, out);
    }

    /// Drops the state of an engine that ends, with the code that can, or buries it.
    fn let_go(
        &mut self,
        slot: &mut Slot,
        table: &GenerationTable,
        last: StateIsDropped,
        out: &mut BlockOutcome,
    ) {
        let Some(entry) = table.get(slot.kind) else {
            return;
        };
        // It ends in the upgrade that has made no new state of it.
        if slot.give_up(entry) {
            return;
        }
        settle(slot, entry, self.settling.update_point, out);
        let SlotState::Live(instance) = std::mem::replace(&mut slot.state, SlotState::Away) else {
            return;
        };
        match last {
            StateIsDropped::Now => {
                let _about = running::about(slot.id);
                leak_if_unfit(entry.kind.discard(instance));
            }
            StateIsDropped::Later => self.keep_state(&entry.kind, instance),
        }
    }

    fn keep_state(&mut self, kind: &Kind, instance: Instance) {
        let found = self
            .settling
            .replaced
            .iter()
            .find(|replaced| replaced.is_of(kind));
        if let Some(replaced) = found {
            return replaced.keep(instance);
        }
        let replaced = ReplacedStates::of(kind.clone());
        replaced.keep(instance);
        self.settling.replaced.push(replaced);
    }

    /// Gives the places of engines that have stopped to those that lie last.
    pub(crate) fn close_gaps(&mut self, table: &GenerationTable, out: &mut BlockOutcome) {
        if self.engines.gaps.is_empty() {
            return;
        }
        let mut gaps = std::mem::take(&mut self.engines.gaps);
        gaps.sort_unstable();
        let mut gaps = VecDeque::from(gaps);
        while let Some(last) = self.engines.last_place() {
            if gaps.back() == Some(&last) {
                gaps.pop_back();
                self.engines.take_last();
                continue;
            }
            let Some(gap) = gaps.pop_front() else {
                break;
            };
            if let Some(tenant) = self.engines.take_last() {
                self.fill(gap, tenant, table, out);
            }
        }
    }

    /// Puts an engine, with its mail, into an empty place.
    fn fill(
        &mut self,
        gap: Place,
        tenant: Tenant,
        table: &GenerationTable,
        out: &mut BlockOutcome,
    ) {
        let Tenant { mut slot, mail } = tenant;
        if (gap.chunk as usize) < self.settling.swept
            && let Some(entry) = table.get(slot.kind)
        {
            // The sweep has been here and does not come again.
            settle(&mut slot, entry, self.settling.update_point, out);
        }
        Arc::make_mut(&mut self.engines.directory).moved(slot.id, gap);
        self.engines.change(gap.chunk, |chunk| {
            chunk.replace(gap.slot, slot);
            chunk.put_mail(gap.slot, mail);
        });
    }
}

/// Settles the state of an engine, and returns whether that has poisoned it.
pub(crate) fn settle(slot: &mut Slot, entry: &KindEntry, at: Height, out: &mut BlockOutcome) {
    slot.settle(entry, at);
    if let Some(trouble) = slot.take_untold(entry) {
        out.stats.poisoned += 1;
        trouble::keep(&mut out.troubles, || trouble);
    }
}
