//! Rounds: upgrade messages, each handled in the round after the one that sent it, until none waits.
//!
//! Run by the leader: it takes up what was done, in order, and hands tasks of some residents each to
//! the workers. Residents' states are taken out for the time of a round, so that handlers hold no lock
//! while they look at the old generation.

use super::residents::Home;
use super::{
    EngineBus, Letter, Out, Resident, Residents, Sent, Shared, TRANSITION_LINES_MAX, When,
};
use crate::phase::{Failure, MessageFault};
use parking_lot::Mutex;
use refit_abi::descriptor::Ability;
use refit_abi::host::Instance;
use refit_abi::raw::{Codec, Delivery, DeliveryKind};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Sender};
use refit_kernel::limits::MAILBOX_MESSAGES_MAX;
use refit_kernel::{Aftermath, Effects, FirstMail, IdMap, KindIndex, LogLine, Quiesced};
use std::sync::Arc;

/// Residents whose messages one worker handles before it claims more.
const RESIDENTS_PER_TASK: usize = 64;

/// A round with fewer messages runs on the leader alone: waking a worker costs more.
const PARALLEL_MESSAGES_MIN: usize = 512;

/// The messages of one upgrade, under way.
pub(crate) struct Rounds {
    shared: Arc<Shared>,
    /// Payloads of the messages that wait.
    arena: Vec<u8>,
    /// Residents with messages.
    active: Vec<u32>,
    waiting: usize,
    /// What transitions sent, until the last stage has made its states.
    held: Vec<Out>,
    /// Emptied, with their memory, for the next round.
    spare: Vec<Out>,
    /// For each engine that gets ordinary messages: who sent the first, and how many there are.
    mailed: IdMap<(EngineId, usize)>,
    retired: Vec<EngineId>,
    later: Vec<FirstMail>,
    effects: Vec<Effects>,
    lines: Vec<LogLine>,
}

/// Some residents' messages of one round.
struct Task {
    items: Vec<Item>,
    out: Out,
}

/// One resident's messages of one round.
struct Item {
    place: u32,
    id: EngineId,
    kind: KindIndex,
    instance: Option<Instance>,
    counters: (u64, u64),
    letters: Vec<Letter>,
}

impl Rounds {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            arena: Vec::new(),
            active: Vec::new(),
            waiting: 0,
            held: Vec::new(),
            spare: Vec::new(),
            mailed: IdMap::default(),
            retired: Vec::new(),
            later: Vec::new(),
            effects: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Takes up what the transitions of one stage did: engines started, engines retired, lines
    /// logged. What they sent waits for [`Rounds::run`]: it may be for an engine of a later stage.
    pub(crate) fn hold(&mut self, mut outs: Vec<Out>) {
        let shared = self.shared.clone();
        shared.settle(outs.iter().map(|out| &out.account));
        self.start_and_retire(&mut shared.residents.write(), &mut outs);
        self.held
            .extend(outs.into_iter().filter(|out| !out.sends.is_empty()));
    }

    /// Takes up what was done in one round, in this order: engines started, engines retired, messages
    /// sent.
    fn take_up(&mut self, mut outs: Vec<Out>) {
        let shared = self.shared.clone();
        shared.settle(outs.iter().map(|out| &out.account));
        let mut residents = shared.residents.write();
        self.start_and_retire(&mut residents, &mut outs);
        self.route_all(&mut residents, &outs);
        self.spare.extend(outs.into_iter().map(Out::reuse));
    }

    fn start_and_retire(&mut self, residents: &mut Residents, outs: &mut [Out]) {
        let shared = self.shared.clone();
        for out in outs.iter_mut() {
            for newborn in out.newborns.drain(..) {
                let (id, kind) = (newborn.id(), newborn.kind());
                if residents.find(id).is_some() {
                    shared.fail_first(out.account.task, Failure::Taken { engine: id });
                }
                let handles = self.handles(kind);
                residents.add(Resident::newborn(newborn, handles));
            }
            self.effects.append(&mut out.effects);
            let room = TRANSITION_LINES_MAX - self.lines.len();
            out.lines.truncate(room);
            // How far a task came that is after one that failed is a matter of time.
            if !shared.is_after_failure(out.account.task) {
                self.lines.append(&mut out.lines);
            }
        }
        for engine in outs.iter_mut().flat_map(|out| out.retired.drain(..)) {
            self.retire(residents, engine);
        }
    }

    fn route_all(&mut self, residents: &mut Residents, outs: &[Out]) {
        for out in outs {
            for sent in &out.sends {
                self.route(residents, sent, &out.bytes[sent.payload.clone()]);
            }
        }
    }

    /// Handles messages, first those of the transitions, until none waits or the upgrade is cancelled.
    pub(crate) fn run(&mut self, quiesced: &mut Quiesced<'_>) {
        if self.shared.is_cancelled() {
            return;
        }
        let (shared, held) = (self.shared.clone(), std::mem::take(&mut self.held));
        self.route_all(&mut shared.residents.write(), &held);
        while let Some(first) = self.active.first().copied() {
            if self.shared.is_cancelled() {
                return;
            }
            let whose = self.shared.residents.read().all[first as usize].id;
            if !self.shared.count_round(whose) {
                return;
            }
            let outs = self.round(quiesced);
            self.take_up(outs);
        }
    }

    /// Runs the residents' own checks on what they have become.
    pub(crate) fn check(&self, quiesced: &mut Quiesced<'_>) {
        let count = self.shared.residents.read().all.len();
        let shared = self.shared.clone();
        quiesced.each(count.div_ceil(RESIDENTS_PER_TASK), move |task| {
            if shared.is_over(task) {
                return;
            }
            let here = shared.under_way.begin();
            let residents = shared.residents.read();
            let from = task * RESIDENTS_PER_TASK;
            let to = (from + RESIDENTS_PER_TASK).min(residents.all.len());
            let failure = residents.all[from..to].iter().find_map(|resident| {
                here.at(resident.id, resident.kind);
                let stays = !residents.is_gone(resident.id);
                stays.then(|| check(&shared, resident)).flatten()
            });
            if let Some(failure) = failure {
                shared.fail(task, failure);
            }
        });
    }

    /// What was logged, by engine, and each engine's in order.
    pub(crate) fn take_lines(&mut self) -> Vec<LogLine> {
        let mut lines = std::mem::take(&mut self.lines);
        lines.sort_by_key(|line| line.engine);
        lines
    }

    /// The end of the bus, before the commit: new states go beside the old ones, all else into the
    /// aftermath.
    pub(crate) fn finish(mut self, quiesced: &mut Quiesced<'_>) -> Aftermath {
        let mut residents = std::mem::take(&mut *self.shared.residents.write());
        let mut places: Vec<(u32, u32, Instance)> = Vec::new();
        let mut aftermath = Aftermath {
            retired: std::mem::take(&mut self.retired),
            first: std::mem::take(&mut self.later),
            effects: std::mem::take(&mut self.effects),
            ..Aftermath::default()
        };
        for resident in std::mem::take(&mut residents.all) {
            let (sent, children) = resident.counters;
            match (resident.home, resident.instance) {
                (Home::Place { chunk, number }, Some(instance)) => {
                    places.push((chunk, number, instance));
                    aftermath.counters.push((resident.id, sent, children));
                }
                (Home::New(newborn), Some(instance)) => {
                    let mut newborn = *newborn;
                    newborn.put_instance(instance);
                    newborn.set_counters((sent, children));
                    match self.shared.table.get(newborn.kind()) {
                        Some(entry) if residents.is_gone(resident.id) => {
                            newborn.discard(&entry.kind)
                        }
                        _ => aftermath.newborns.push(newborn),
                    }
                }
                (_, None) => {}
            }
        }
        crate::transition::put(quiesced, places);
        aftermath
    }

    /// Drops all that lives on the bus.
    pub(crate) fn discard(self) {
        let residents = std::mem::take(&mut *self.shared.residents.write());
        for resident in residents.all {
            let code = self.shared.table.get(resident.kind);
            if let (Some(entry), Some(instance)) = (code, resident.instance) {
                // It was made by this very code; one that were not could only be leaked.
                drop(entry.kind.discard(instance));
            }
        }
    }

    fn retire(&mut self, residents: &mut Residents, engine: EngineId) {
        if let Some((from, _)) = self.mailed.get(engine) {
            let (to, reason) = (engine, MessageFault::Retired);
            self.shared
                .fail_between(Failure::Message { from, to, reason });
        }
        let is_first = residents.retire(engine);
        let resident = residents.get(engine);
        let is_new = resident.is_some_and(|resident| matches!(resident.home, Home::New(_)));
        if is_first && !is_new {
            self.retired.push(engine);
        }
    }

    fn route(&mut self, residents: &mut Residents, sent: &Sent, payload: &[u8]) {
        let outcome = match residents.find(sent.to) {
            Some(place) => self.deliver_here(residents, place, sent, payload),
            None if residents.is_gone(sent.to) => Err(MessageFault::Retired),
            None => self.deliver_elsewhere(sent, payload),
        };
        if let Err(reason) = outcome {
            let (from, to) = (sent.from, sent.to);
            self.shared
                .fail_between(Failure::Message { from, to, reason });
        }
    }

    fn deliver_here(
        &mut self,
        residents: &mut Residents,
        place: u32,
        sent: &Sent,
        payload: &[u8],
    ) -> Result<(), MessageFault> {
        let is_gone = residents.is_gone(sent.to);
        let resident = &mut residents.all[place as usize];
        if is_gone {
            self.may_message(sent, resident.kind)?;
            return Err(MessageFault::Retired);
        }
        let Some(handles) = resident.handles else {
            return self.ordinary(resident.kind, sent, payload);
        };
        self.may_message(sent, resident.kind)?;
        if handles != sent.schema {
            let (found, takes) = (sent.schema, handles);
            return Err(MessageFault::Schema { found, takes });
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(payload);
        if resident.inbox.is_empty() {
            self.active.push(place);
        }
        resident.inbox.push(Letter {
            from: sent.from,
            sequence: sent.sequence,
            schema: sent.schema,
            payload: start..self.arena.len(),
        });
        self.waiting += 1;
        Ok(())
    }

    /// To an engine that does not live on the bus: it is carried, adopted, takes no upgrade messages, or
    /// cannot be reached at all.
    fn deliver_elsewhere(&mut self, sent: &Sent, payload: &[u8]) -> Result<(), MessageFault> {
        let look = self.shared.view.with(sent.to, |slot| {
            (slot.kind(), slot.is_stopped(), slot.instance().is_none())
        });
        match look {
            None => Err(MessageFault::Unknown),
            Some((_, true, _)) => Err(MessageFault::Retired),
            Some((kind, _, true)) if self.handles(kind) == Some(sent.schema) => {
                Err(MessageFault::Poisoned)
            }
            Some((kind, _, _)) => self.ordinary(kind, sent, payload),
        }
    }

    /// The upgrade messages that a kind handles.
    fn handles(&self, kind: KindIndex) -> Option<SchemaId> {
        self.shared
            .table
            .get(kind)?
            .kind
            .descriptor()
            .upgrade_message
    }

    fn ordinary(
        &mut self,
        kind: KindIndex,
        sent: &Sent,
        payload: &[u8],
    ) -> Result<(), MessageFault> {
        self.may_message(sent, kind)?;
        let entry = self.shared.table.get(kind).ok_or(MessageFault::Unknown)?;
        let descriptor = entry.kind.descriptor();
        if !descriptor.accepts(sent.schema) {
            let (found, takes) = (sent.schema, descriptor.message);
            return Err(MessageFault::Schema { found, takes });
        }
        let (first, count) = self.mailed.get(sent.to).unwrap_or((sent.from, 0));
        let waiting = self.shared.view.with(sent.to, |slot| slot.mailbox());
        if waiting.unwrap_or(0) + count >= MAILBOX_MESSAGES_MAX {
            return Err(MessageFault::Full);
        }
        self.mailed.insert(sent.to, (first, count + 1));
        self.later.push(FirstMail {
            from: sent.from,
            to: sent.to,
            sequence: sent.sequence,
            schema: sent.schema,
            payload: payload.to_vec(),
        });
        Ok(())
    }

    fn may_message(&self, sent: &Sent, kind: KindIndex) -> Result<(), MessageFault> {
        if self.shared.table.may(sent.kind, Ability::Message, kind) {
            Ok(())
        } else {
            Err(MessageFault::Forbidden)
        }
    }

    fn round(&mut self, quiesced: &mut Quiesced<'_>) -> Vec<Out> {
        let alone = std::mem::take(&mut self.waiting) < PARALLEL_MESSAGES_MIN;
        let arena = std::mem::take(&mut self.arena);
        let room = arena.len();
        let tasks = self.tasks();
        let tasks = if alone {
            let mut tasks = tasks;
            for (number, task) in tasks.iter_mut().enumerate() {
                task.work(number, &self.shared, &arena);
            }
            tasks
        } else {
            let tasks: Arc<Vec<Mutex<Task>>> =
                Arc::new(tasks.into_iter().map(Mutex::new).collect());
            let (shared, work) = (self.shared.clone(), tasks.clone());
            quiesced.each(tasks.len(), move |number| {
                work[number].lock().work(number, &shared, &arena);
            });
            let take = |task: &Mutex<Task>| {
                let mut task = task.lock();
                Task {
                    items: std::mem::take(&mut task.items),
                    out: std::mem::take(&mut task.out),
                }
            };
            tasks.iter().map(take).collect()
        };
        self.arena.reserve(room);
        self.put_back(tasks)
    }

    fn tasks(&mut self) -> Vec<Task> {
        let mut active = std::mem::take(&mut self.active);
        active.sort_unstable();
        let mut residents = self.shared.residents.write();
        let mut tasks = Vec::with_capacity(active.len().div_ceil(RESIDENTS_PER_TASK));
        for places in active.chunks(RESIDENTS_PER_TASK) {
            let mut items = Vec::with_capacity(places.len());
            for place in places {
                let resident = &mut residents.all[*place as usize];
                items.push(Item {
                    place: *place,
                    id: resident.id,
                    kind: resident.kind,
                    instance: resident.instance.take(),
                    counters: resident.counters,
                    letters: std::mem::take(&mut resident.inbox),
                });
            }
            let out = self.spare.pop().unwrap_or_default();
            tasks.push(Task { items, out });
        }
        tasks
    }

    fn put_back(&self, tasks: Vec<Task>) -> Vec<Out> {
        let mut residents = self.shared.residents.write();
        let mut outs = Vec::with_capacity(tasks.len());
        for task in tasks {
            for mut item in task.items {
                let resident = &mut residents.all[item.place as usize];
                resident.instance = item.instance;
                resident.counters = item.counters;
                item.letters.clear();
                resident.inbox = item.letters;
            }
            outs.push(task.out);
        }
        outs
    }
}

impl Task {
    fn work(&mut self, number: usize, shared: &Shared, arena: &[u8]) {
        if !shared.begin(number, &mut self.out.account) {
            return;
        }
        let here = shared.under_way.begin();
        let mut batch: Vec<Delivery<'_>> = Vec::new();
        for item in &mut self.items {
            if shared.is_over(number) {
                return;
            }
            here.at(item.id, item.kind);
            batch.clear();
            batch.extend(item.letters.iter().map(|letter| letter.delivery(arena)));
            let (Some(entry), Some(instance)) = (shared.table.get(item.kind), &mut item.instance)
            else {
                continue;
            };
            let mut bus = EngineBus {
                shared,
                me: item.id,
                kind: item.kind,
                counters: &mut item.counters,
                out: &mut self.out,
                when: When::Round,
            };
            let frame = (item.id, shared.height());
            if let Err((done, error)) = entry.kind.on_upgrade(instance, &batch, frame, &mut bus) {
                let engine = item.id;
                let from = item.letters.get(done).map_or(engine, |letter| letter.from);
                let failure = Failure::Handler {
                    engine,
                    from,
                    error,
                };
                shared.fail(number, failure);
            }
        }
        shared.tell(&mut self.out.account);
    }
}

impl Letter {
    fn delivery<'a>(&self, arena: &'a [u8]) -> Delivery<'a> {
        Delivery {
            sender: Sender::Engine(self.from).into(),
            sequence: self.sequence,
            schema: self.schema,
            codec: Codec::Postcard,
            kind: DeliveryKind::Message,
            wants_reply: false,
            payload: arena[self.payload.clone()].into(),
        }
    }
}

/// What is wrong with what a resident has become.
fn check(shared: &Shared, resident: &Resident) -> Option<Failure> {
    let entry = shared.table.get(resident.kind)?;
    let error = entry.kind.check(resident.instance.as_ref()?).err()?;
    let engine = resident.id;
    Some(Failure::Check { engine, error })
}
