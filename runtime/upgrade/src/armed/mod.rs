//! [`Armed`]: an upgrade with everything at hand, and its way through the update point.
//!
//! `Armed` ─quiesced→ `Transitioned` ─commit→ published. Each step is made only from the one before.
//! Whatever fails before the commit unwinds: what was made is dropped, the old generation's memory
//! was only read.

mod error;
mod incoming;

pub use error::ArmError;

use crate::class::Class;
use crate::directives::Directives;
use crate::phase::{Failure, Phase, Verdict, Watch};
use crate::plan::Plan;
use crate::transition::{self, Ran, Transitions, Work};
use crate::under_way::UnderWay;
use crate::whole::Whole;
use incoming::{Incoming, Old, needs_work};
use parking_lot::Mutex;
use refit_abi::Generation;
use refit_abi::host::{Kind, Module};
use refit_kernel::{
    Change, CommitEffects, GenerationTable, KindIndex, LogLine, Parameters, Quiesced, Replacement,
    Reworded, Rewording, Unaccepted,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An upgrade that waits for its update point.
#[derive(Debug)]
pub struct Armed {
    base: Generation,
    table: Arc<GenerationTable>,
    classes: Vec<KindClass>,
    work: Arc<Vec<Work>>,
    /// The module whose function makes all new states, if one has such a function.
    whole: Option<Module>,
    /// Kinds whose new code may not take every message that the old code took, or reads it in other words.
    readings: Vec<Reading>,
    directives: Directives,
    lines: Mutex<Vec<LogLine>>,
    under_way: Arc<UnderWay>,
    /// Timers of the former lives of engines that start afresh, dropped by the commit.
    timers_dropped: AtomicU64,
    /// The table that was live, once this one is: dropped with this, after the pause.
    replaced: Mutex<Option<Arc<GenerationTable>>>,
}

/// How the states of a kind cross.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindClass {
    /// The name of the engine kind.
    pub kind: String,
    /// As the plan has it.
    pub class: Class,
}

/// Where an upgrade went wrong before its commit.
struct Aborted {
    phase: Phase,
    failure: Failure,
}

/// A kind whose messages are read by other code than they were written for.
#[derive(Debug)]
struct Reading {
    kind: KindIndex,
    old: Kind,
    new: Kind,
}

impl Armed {
    /// Prepares all that can be prepared for bringing `modules` into the generation `live` as `plan` says. The class of
    /// each kind is the plan's, and asserted against the hashes, and so is whether its states are copied whole: what is
    /// executed was planned.
    ///
    /// Calls into the new modules (tries their defaults), so on a thread that is joined before they
    /// are unmapped.
    ///
    /// # Errors
    /// [`ArmError`]; nothing has changed.
    pub fn new(plan: &Plan, live: &GenerationTable, modules: &[Module]) -> Result<Self, ArmError> {
        // Looked up in the code at hand: what the plan says is compared with it.
        let comes = incoming::all(plan, live, modules)?;
        let crossings: Vec<_> = comes.iter().map(Incoming::crossing).collect();
        let stages = crate::order::stages(&crossings).map_err(|kinds| ArmError::Cycle { kinds })?;
        let copied = incoming::copied(plan, &crossings)?;
        let (mut replaced, mut added, mut work, mut classes) = (vec![], vec![], vec![], vec![]);
        let mut readings = Vec::new();
        for (comes, stage) in comes.into_iter().zip(stages) {
            let Incoming { new, class, old } = comes;
            classes.push(KindClass {
                kind: new.descriptor().kind.clone(),
                class,
            });
            let Some(Old {
                index,
                kind: old,
                pending,
            }) = old
            else {
                added.push(new);
                continue;
            };
            let whole = class != Class::Migrate || copied.contains(&new.descriptor().kind);
            // Only then the mailboxes have to be looked through: usually messages are the same, and there may be
            // millions.
            if !new.descriptor().reads_as(old.descriptor()) {
                readings.push(Reading {
                    kind: index,
                    old: old.clone(),
                    new: new.clone(),
                });
            }
            if needs_work(class, pending.as_ref(), whole) {
                work.push(Work {
                    index,
                    class,
                    step: Work::step(class, &old, &new),
                    old,
                    new: new.clone(),
                    whole,
                    stage,
                });
            }
            replaced.push(Replacement {
                index,
                kind: new,
                pending,
            });
        }
        // Made before the pause, in which it is one pointer to store.
        let table = live.next(replaced, added);
        Ok(Self {
            base: live.number(),
            table,
            classes,
            work: Arc::new(work),
            whole: incoming::whole(modules).cloned(),
            readings,
            directives: plan.directives.clone(),
            lines: Mutex::new(Vec::new()),
            under_way: Arc::default(),
            timers_dropped: AtomicU64::new(0),
            replaced: Mutex::default(),
        })
    }

    /// The generation that will be live.
    pub fn table(&self) -> &Arc<GenerationTable> {
        &self.table
    }

    /// How each kind crosses; kinds that are carried are not in it.
    pub fn classes(&self) -> &[KindClass] {
        &self.classes
    }

    /// Whether whole new states are made in the pause: then it needs about as much memory as they take, and is
    /// shorter if the crew has taken that before ([`Reserve`](refit_kernel::crew::Reserve)).
    pub fn copies(&self) -> bool {
        self.work.iter().any(|work| work.whole)
    }

    /// Takes the quiesced node through the upgrade. Afterwards the new generation is published, or
    /// the old one is as it was.
    pub fn run(&self, quiesced: &mut Quiesced<'_>, watch: &mut dyn Watch) -> Verdict {
        match self.transition(quiesced, watch) {
            Ok(transitioned) => {
                let number = transitioned.commit(quiesced);
                // From here on there is no way back: a withdrawal comes too late.
                let _ = watch.reached(Phase::Committed);
                Verdict::Committed(number)
            }
            Err(Aborted { phase, failure }) => Verdict::Aborted { phase, failure },
        }
    }

    /// The running transitions, for watchers on other threads.
    pub fn under_way(&self) -> &Arc<UnderWay> {
        &self.under_way
    }

    /// How many timers of the former lives of engines that start afresh the commit has dropped.
    pub fn timers_dropped(&self) -> u64 {
        self.timers_dropped.load(Ordering::Relaxed)
    }

    /// Takes the transitions' log lines.
    pub fn take_lines(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines.lock())
    }

    fn transition(
        &self,
        quiesced: &mut Quiesced<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Transitioned<'_>, Aborted> {
        let aborted = |phase| move |failure| Aborted { phase, failure };
        let reached = watch.reached(Phase::Quiesced).map_err(Failure::from);
        reached.map_err(aborted(Phase::Quiesced))?;
        // Blocks were made since it was armed: what it was armed for may not be live any more.
        let (armed, live) = (self.base, quiesced.table().number());
        if live != armed {
            let overtaken = Failure::Overtaken { armed, live };
            return Err(aborted(Phase::Quiesced)(overtaken));
        }
        // Before any transition: it is cheap, and a message that is not taken makes all of them useless.
        let reworded = self.queued(quiesced);
        let reworded = reworded.map_err(aborted(Phase::Quiesced))?;
        let parameters = self.parameters(quiesced);
        let parameters = parameters.map_err(aborted(Phase::Quiesced))?;
        let mut commit_effects = CommitEffects::default();
        // Carry and adopt have none: then a pause wakes no helper at all.
        if !self.work.is_empty() {
            let whole = self.whole.as_ref();
            let whole = whole.map(|module| Whole::run(module, quiesced, &self.work));
            let whole = whole.transpose();
            let whole = whole
                .map_err(aborted(Phase::Transitioned))?
                .unwrap_or_default();
            let transitions = Transitions {
                states: Arc::new(whole.states),
                work: self.work.clone(),
                table: self.table.clone(),
                under_way: self.under_way.clone(),
                budget: self.directives.budget,
            };
            let Ran { outcome, lines } = transition::run(transitions, quiesced);
            // Kept aside: to write a log is a system call, and this is the pause.
            *self.lines.lock() = lines;
            commit_effects = outcome.map_err(|failure| {
                self.unwind(quiesced);
                aborted(Phase::Transitioned)(failure)
            })?;
            commit_effects.retired.extend(whole.dropped);
        }
        if let Err(withdrawn) = watch.reached(Phase::Transitioned) {
            self.unwind(quiesced);
            self.discard(commit_effects);
            return Err(aborted(Phase::Transitioned)(withdrawn.into()));
        }
        Ok(Transitioned {
            armed: self,
            commit_effects,
            reworded,
            parameters,
        })
    }

    /// The parameters that hold from the update point on, if the plan changes them.
    fn parameters(&self, quiesced: &Quiesced<'_>) -> Result<Option<Parameters>, Failure> {
        let changes = &self.directives.parameters;
        if changes.is_empty() {
            return Ok(None);
        }
        let changed = quiesced.executor().parameters().changed(changes);
        changed
            .map(Some)
            .map_err(|error| Failure::Parameters { error })
    }

    /// The clients' and the waiting messages, in postcard; fails if one waits that the new code does not take and the
    /// plan does not give up.
    fn queued(&self, quiesced: &Quiesced<'_>) -> Result<Vec<Reworded>, Failure> {
        let failed = |Unaccepted { engine, schema }| Failure::Queued { engine, schema };
        let mut reworded = Vec::new();
        for reading in &self.readings {
            let given_up = self.gives_up(&reading.new);
            let change = self.change(reading);
            if !given_up && let Some(found) = quiesced.unaccepted(change) {
                return Err(failed(found));
            }
            let Reading { kind, old, new } = reading;
            let kind = *kind;
            let letters = quiesced.reword(Rewording { kind, old, new });
            // The new code refuses the messages that are given up, and tells their clients.
            if !given_up && let Some(found) = letters.unaccepted() {
                return Err(failed(found));
            }
            reworded.push(letters);
        }
        Ok(reworded)
    }

    fn change<'a>(&self, reading: &'a Reading) -> Change<'a> {
        let new = reading.new.descriptor();
        Change {
            kind: reading.kind,
            old: reading.old.descriptor(),
            new,
            starts_afresh: self.directives.restart.contains(&new.kind),
        }
    }

    /// Whether the plan gives up what waits for a kind and is not taken.
    fn gives_up(&self, new: &Kind) -> bool {
        let given_up = &self.directives.dead_letters;
        given_up.contains(&new.descriptor().kind)
    }

    /// Drops the engines that were started.
    fn discard(&self, commit_effects: CommitEffects) {
        for started in commit_effects.started {
            if let Some(entry) = self.table.get(started.kind()) {
                started.discard(&entry.kind);
            }
        }
    }

    /// Drops everything new. The states of the old generation were only read.
    fn unwind(&self, quiesced: &mut Quiesced<'_>) {
        let (work, table) = (self.work.clone(), self.table.clone());
        quiesced.visit(move |_, chunk| {
            for item in work.iter() {
                let Some(entry) = table.get(item.index) else {
                    continue;
                };
                // A kind without pending work has no new states beside the old ones.
                let Some(pending) = &entry.pending else {
                    continue;
                };
                for mut slot in chunk.there(item.index) {
                    slot.discard_next(pending, &entry.kind);
                }
            }
        });
    }
}

/// Everything new is made; only the publication is missing.
struct Transitioned<'a> {
    armed: &'a Armed,
    commit_effects: CommitEffects,
    reworded: Vec<Reworded>,
    /// Other parameters, if the plan has some.
    parameters: Option<Parameters>,
}

impl Transitioned<'_> {
    fn commit(self, quiesced: &mut Quiesced<'_>) -> Generation {
        let armed = self.armed;
        if let Some(parameters) = self.parameters {
            quiesced.set_parameters(parameters);
        }
        // After the parameters, before the messages: those that are read anew belong to the code that is live then.
        let replaced = quiesced.publish(armed.table.clone());
        // Not dropped here: the last handle on a table frees memory, and perhaps a library.
        *armed.replaced.lock() = Some(replaced);
        for letters in self.reworded {
            quiesced.put_reworded(letters);
        }
        let given_up = armed.readings.iter();
        for reading in given_up.filter(|reading| armed.gives_up(&reading.new)) {
            quiesced.bury_unaccepted(armed.change(reading));
        }
        // Last: engines that are started and messages that are sent here find the new table.
        let timers = quiesced.take_over(self.commit_effects);
        armed.timers_dropped.store(timers, Ordering::Relaxed);
        armed.table.number()
    }
}
