//! Rounds: upgrade messages, each handled in the round after the one that sent it, until none waits.
//!
//! Run by the leader: it takes up what was done, in order, and hands tasks of some residents each to
//! the workers. Residents' states are taken out for the time of a round, so that handlers hold no lock
//! while they look at the old generation.

use super::routing::Router;
use super::task::{Item, Task};
use super::{Home, Out, Resident, Residents, Shared, TRANSITION_LINES_MAX};
use crate::phase::Failure;
use crate::placed::{Placed, put};
use parking_lot::Mutex;
use refit_abi::host::{Instance, running};
use refit_kernel::limits::PARALLEL_MESSAGES_MIN;
use refit_kernel::{CommitEffects, Effects, LogLine, Quiesced};
use std::sync::Arc;

/// Residents whose messages one worker handles before it claims more.
pub const RESIDENTS_PER_TASK: usize = 64;

/// The messages of one upgrade, under way.
pub(crate) struct Rounds {
    shared: Arc<Shared>,
    router: Router,
    /// The messages that transitions sent, until the last stage has made its states.
    held: Vec<Out>,
    /// Emptied, with their memory, for the next round.
    spare: Vec<Out>,
    effects: Vec<Effects>,
    lines: Vec<LogLine>,
}

impl Rounds {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            router: Router::new(shared.clone()),
            shared,
            held: Vec::new(),
            spare: Vec::new(),
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
        self.router.route_all(&mut residents, &outs);
        self.spare.extend(outs.into_iter().map(Out::reuse));
    }

    fn start_and_retire(&mut self, residents: &mut Residents, outs: &mut [Out]) {
        let shared = self.shared.clone();
        for out in outs.iter_mut() {
            for started in out.started.drain(..) {
                let (id, kind) = (started.id(), started.kind());
                if residents.find(id).is_some() {
                    shared.fail_first(out.account.task, Failure::Taken { engine: id });
                }
                let handles = self.router.handles(kind);
                residents.add(Resident::started(started, handles));
            }
            self.effects.append(&mut out.effects);
            let room = TRANSITION_LINES_MAX - self.lines.len();
            // The bound is one for the whole upgrade: each task had it for itself.
            out.lines.truncate(room);
            // How far a task came that is after one that failed is a matter of time.
            if !shared.is_after_failure(out.account.task) {
                self.lines.append(&mut out.lines);
            }
        }
        // After all that were started: what is retired may be among them.
        for engine in outs.iter_mut().flat_map(|out| out.retired.drain(..)) {
            self.router.retire(residents, engine);
        }
    }

    /// Handles messages, first those of the transitions, until none waits or the upgrade is cancelled.
    pub(crate) fn run(&mut self, quiesced: &mut Quiesced<'_>) {
        if self.shared.is_cancelled() {
            return;
        }
        let (shared, held) = (self.shared.clone(), std::mem::take(&mut self.held));
        self.router.route_all(&mut shared.residents.write(), &held);
        // Bounded by the budget of rounds: two engines that answer each other without end are stopped by it.
        while let Some(first) = self.router.active.first().copied() {
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

    /// Runs the residents' own checks on their new states.
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

    /// Takes the log lines, by engine, and each engine's in order.
    pub(crate) fn take_lines(&mut self) -> Vec<LogLine> {
        let mut lines = std::mem::take(&mut self.lines);
        // By engine and stable, so that it does not show how engines were packed into chunks.
        lines.sort_by_key(|line| line.engine);
        lines
    }

    /// The end of the bus, before the commit: new states go beside the old ones, all else into the
    /// effects of the commit.
    pub(crate) fn finish(mut self, quiesced: &mut Quiesced<'_>) -> CommitEffects {
        let mut residents = std::mem::take(&mut *self.shared.residents.write());
        let mut places: Vec<Placed<Instance>> = Vec::new();
        let mut commit_effects = CommitEffects {
            retired: std::mem::take(&mut self.router.retired),
            first: std::mem::take(&mut self.router.later),
            effects: std::mem::take(&mut self.effects),
            ..CommitEffects::default()
        };
        for resident in std::mem::take(&mut residents.all) {
            let counters = resident.counters;
            match (resident.home, resident.instance) {
                (Home::Place { chunk, number }, Some(instance)) => {
                    places.push(Placed {
                        chunk,
                        number,
                        state: instance,
                    });
                    commit_effects.counters.push((resident.id, counters));
                }
                (Home::New(started), Some(instance)) => {
                    let mut started = *started;
                    started.put_instance(instance);
                    started.set_counters(counters);
                    match self.shared.table.get(started.kind()) {
                        // Started and retired in one upgrade: nobody ever sees it.
                        Some(entry) if residents.is_gone(resident.id) => {
                            started.discard(&entry.kind)
                        }
                        _ => commit_effects.started.push(started),
                    }
                }
                (_, None) => {}
            }
        }
        put(quiesced, places);
        commit_effects
    }

    /// Drops all that lives on the bus.
    pub(crate) fn discard(self) {
        let residents = std::mem::take(&mut *self.shared.residents.write());
        for resident in residents.all {
            let code = self.shared.table.get(resident.kind);
            if let (Some(entry), Some(instance)) = (code, resident.instance) {
                let _about = running::about(resident.id);
                // It was made by this very code; one that were not could only be leaked.
                drop(entry.kind.discard(instance));
            }
        }
    }

    fn round(&mut self, quiesced: &mut Quiesced<'_>) -> Vec<Out> {
        // To wake the helpers takes longer than a few messages.
        let alone = std::mem::take(&mut self.router.waiting) < PARALLEL_MESSAGES_MIN;
        let arena = std::mem::take(&mut self.router.arena);
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
        // As large as it was: it went into the round, and the next one sends about as much.
        self.router.arena.reserve(room);
        self.put_back(tasks)
    }

    fn tasks(&mut self) -> Vec<Task> {
        let mut active = std::mem::take(&mut self.router.active);
        // They became active in the order of sending; tasks are made in the order of places.
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
                    letters: std::mem::take(&mut resident.mailbox),
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
                // Given back empty with its memory, as the next round will need it.
                item.letters.clear();
                resident.mailbox = item.letters;
            }
            outs.push(task.out);
        }
        outs
    }
}

/// Checks the new state of a resident.
fn check(shared: &Shared, resident: &Resident) -> Option<Failure> {
    let entry = shared.table.get(resident.kind)?;
    let _about = running::about(resident.id);
    let error = entry.kind.check(resident.instance.as_ref()?).err()?;
    let engine = resident.id;
    Some(Failure::Check { engine, error })
}
