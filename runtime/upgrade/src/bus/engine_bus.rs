//! [`EngineBus`]: the node's side of one engine's upgrade bus, for one call into its code.

use super::{Out, Outgoing, Shared, Used};
use refit_abi::descriptor::Ability;
use refit_abi::host::{Ask, Bus, Instance, Kind, Spawn, running, shown};
use refit_abi::raw::{BusStatus, Codec};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Level};
use refit_kernel::{Counters, KindIndex, Next, Signed, SlotRef, Started};

/// Longest log line that is kept, in bytes; of a longer one the rest is cut.
const LINE_BYTES_MAX: usize = 4_096;

/// When a bus is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// In a transition: new states of earlier stages may be asked.
    Transition,
    /// In a round of upgrade messages.
    Round,
}

/// The bus of one engine, for one call.
pub(crate) struct EngineBus<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) me: EngineId,
    pub(crate) kind: KindIndex,
    /// Messages sent and engines spawned by it, on from where the old generation left them.
    pub(crate) counters: &'a mut Counters,
    pub(crate) out: &'a mut Out,
    pub(crate) when: When,
}

impl EngineBus<'_> {
    /// Answers from the old state, through the code that the engine still has.
    fn read(&mut self, ask: Ask<'_>, out: &mut Vec<u8>) -> BusStatus {
        let shared = self.shared;
        let answer = shared.view.with(ask.engine, |slot| {
            let Some(entry) = shared.view.table().get(slot.kind()) else {
                return BusStatus::Unknown;
            };
            self.look_out(slot);
            self.answer(ask, slot.kind(), &entry.kind, slot.instance(), out)
        });
        answer.unwrap_or_else(|| self.absence(ask.engine))
    }

    /// In a rehearsal, notes a state that is missing here and would be in the node.
    fn look_out(&self, slot: SlotRef<'_>) {
        if slot.is_elsewhere() {
            self.shared.under_way.miss();
        }
    }

    /// The status of an engine that is not there.
    fn absence(&self, id: EngineId) -> BusStatus {
        match self.shared.view.has_ended(id) {
            true => BusStatus::Unavailable,
            false => BusStatus::Unknown,
        }
    }

    /// Answers from the new state, made in an earlier stage or handed over as it is.
    fn query(&mut self, ask: Ask<'_>, out: &mut Vec<u8>) -> BusStatus {
        // In a round the new states are taken out and change: what one saw would depend on the threads.
        if self.when == When::Round {
            return BusStatus::NotNow;
        }
        let shared = self.shared;
        let residents = shared.residents.read();
        if residents.is_gone(ask.engine) {
            return BusStatus::Unavailable;
        }
        if let Some(resident) = residents.get(ask.engine) {
            return self.answer_new(ask, resident.kind, resident.instance.as_ref(), out);
        }
        // Before the engine is asked: a query may take long, and other chunks wait to add theirs.
        drop(residents);
        let look = |slot: SlotRef<'_>| {
            let new = match slot.next() {
                Some(Next::Whole(instance)) => Some(instance),
                // It is made whole only after the commit. Kinds that are asked are copied whole, so this is one
                // that nobody declared.
                Some(Next::Prepared(_)) => None,
                None => {
                    self.look_out(slot);
                    slot.instance()
                }
            };
            self.answer_new(ask, slot.kind(), new, out)
        };
        let answer = shared.view.with(ask.engine, look);
        answer.unwrap_or_else(|| self.absence(ask.engine))
    }

    fn answer_new(
        &mut self,
        ask: Ask<'_>,
        index: KindIndex,
        instance: Option<&Instance>,
        out: &mut Vec<u8>,
    ) -> BusStatus {
        let Some(entry) = self.shared.table.get(index) else {
            return BusStatus::Unknown;
        };
        if !self.is_after(&entry.kind.descriptor().kind) {
            return BusStatus::Undeclared;
        }
        self.answer(ask, index, &entry.kind, instance, out)
    }

    fn answer(
        &mut self,
        ask: Ask<'_>,
        index: KindIndex,
        kind: &Kind,
        instance: Option<&Instance>,
        out: &mut Vec<u8>,
    ) -> BusStatus {
        let descriptor = kind.descriptor();
        if !self.shared.table.may(self.kind, Ability::Read, index) {
            return BusStatus::Forbidden;
        }
        if descriptor.query != ask.query || descriptor.answer != ask.answer {
            return BusStatus::Schema;
        }
        let Some(instance) = instance else {
            return BusStatus::Unavailable;
        };
        let _about = running::about(ask.engine);
        if let Err(error) = kind.query(instance, Codec::Postcard, ask.payload, out) {
            return error.to_bus(out);
        }
        // After the answer is there: its length is known then, and bounds what one transition reads.
        let bytes = (ask.payload.len() + out.len()) as u64;
        if self.charge(Used {
            bytes,
            ..Used::default()
        }) {
            BusStatus::Ok
        } else {
            BusStatus::Budget
        }
    }

    /// Uses some of the budgets; false if there is not as much.
    #[inline]
    pub(crate) fn charge(&mut self, more: Used) -> bool {
        self.shared.charge(&mut self.out.account, self.me, more)
    }

    fn is_after(&self, kind: &str) -> bool {
        let own = self.shared.table.get(self.kind);
        own.is_some_and(|entry| {
            entry
                .kind
                .descriptor()
                .after
                .iter()
                .any(|name| name == kind)
        })
    }

    pub(super) fn exists(&self, id: EngineId) -> bool {
        self.shared.view.contains(id)
            || self.shared.residents.read().find(id).is_some()
            || self.out.started(id).is_some()
    }

    /// Whether an engine is this one or its child.
    fn may_retire(&self, engine: EngineId) -> Option<bool> {
        if engine == self.me {
            return Some(true);
        }
        let here = self.out.started(engine);
        if here.is_some_and(|started| started.parent() != Some(self.me)) {
            // Of another engine of the same chunk: unseen, as those of other chunks are.
            return None;
        }
        let on_bus = || self.shared.residents.read().get(engine)?.parent();
        let before = || {
            self.shared
                .view
                .with(engine, |slot| slot.parent())
                .flatten()
        };
        let parent = here
            .and_then(Started::parent)
            .or_else(on_bus)
            .or_else(before);
        if parent.is_none() && !self.exists(engine) {
            return None;
        }
        Some(parent == Some(self.me))
    }
}

impl Bus for EngineBus<'_> {
    fn cancelled(&self) -> bool {
        self.shared.is_over(self.out.account.task)
    }

    fn log(&mut self, level: u8, line: &str) {
        let line = shown(line, LINE_BYTES_MAX);
        let bytes = line.len() as u64;
        if self.charge(Used {
            bytes,
            ..Used::default()
        }) {
            self.out.log(self.me, Level::at_seam(level), &line);
        }
    }

    fn ask(&mut self, ask: Ask<'_>, out: &mut Vec<u8>) -> BusStatus {
        if self.cancelled() {
            return BusStatus::Cancelled;
        }
        if ask.new {
            self.query(ask, out)
        } else {
            self.read(ask, out)
        }
    }

    fn spawn(&mut self, spawn: Spawn<'_>, out: &mut Vec<u8>) -> Result<EngineId, BusStatus> {
        if self.cancelled() {
            return Err(BusStatus::Cancelled);
        }
        self.start(spawn, out)
    }

    fn retire(&mut self, engine: EngineId) -> BusStatus {
        if self.cancelled() {
            return BusStatus::Cancelled;
        }
        match self.may_retire(engine) {
            None => BusStatus::Unknown,
            Some(false) => BusStatus::Forbidden,
            Some(true) => {
                // Only an id is kept of it, however often it is sent.
                let bytes = size_of::<EngineId>() as u64;
                if !self.charge(Used {
                    bytes,
                    ..Used::default()
                }) {
                    return BusStatus::Budget;
                }
                self.out.retired.push(engine);
                BusStatus::Ok
            }
        }
    }

    fn send(&mut self, to: EngineId, schema: SchemaId, payload: &[u8]) -> BusStatus {
        if self.cancelled() {
            return BusStatus::Cancelled;
        }
        let used = Used {
            messages: 1,
            bytes: payload.len() as u64,
            engines: 0,
        };
        if !self.charge(used) {
            return BusStatus::Budget;
        }
        // Into the memory of the task: nothing is visible to others until the leader takes it up, in order.
        let payload = self.out.put(payload);
        let sequence = self.counters.sent;
        self.counters.sent += 1;
        self.out.sends.push(Outgoing {
            signed: Signed {
                from: self.me,
                sequence,
                schema,
            },
            kind: self.kind,
            to,
            payload,
        });
        BusStatus::Ok
    }
}
