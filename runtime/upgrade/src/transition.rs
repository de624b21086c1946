//! The transitions of one upgrade: run on the old crew, in parallel over chunks, each reading one
//! engine's old state and making what is new; kinds that others name in `AFTER` go first. Then the
//! rounds of upgrade messages. Nothing of the old generation changes.
//!
//! Within a stage engines go in the order of their places, whatever their kinds: what comes before what does
//! not depend on how engines are packed into chunks.

mod cross;

use crate::budget::BusBudget;
use crate::bus::rounds::Rounds;
use crate::bus::{Home, Out, Resident, Shared};
use crate::class::Class;
use crate::phase::Failure;
use crate::placed::{Placed, put_next};
use crate::under_way::UnderWay;
use parking_lot::Mutex;
use refit_abi::EngineId;
use refit_abi::host::{Kind, Migration};
use refit_kernel::{CommitEffects, Counters, GenerationTable, KindIndex, LogLine, Next, Quiesced};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The work of the pause for the engines of one kind.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) index: KindIndex,
    pub(crate) class: Class,
    pub(crate) old: Kind,
    pub(crate) new: Kind,
    pub(crate) step: Option<Migration>,
    /// The whole new state is made, also where fields could move over.
    pub(crate) whole: bool,
    /// Transitions of a stage run when those of the stages before are done.
    pub(crate) stage: usize,
}

/// The new state of one engine of a chunk, and its outcome.
struct Made {
    item: usize,
    number: u32,
    id: EngineId,
    next: Next,
    before: Counters,
    counters: Counters,
    is_stateless: bool,
}

/// The effects of all stages beside new states.
#[derive(Default)]
struct Taken {
    counters: Vec<(EngineId, Counters)>,
    restarted: Vec<EngineId>,
    revived: Vec<EngineId>,
}

/// The states and effects of one chunk's engines in one stage.
#[derive(Default)]
struct ChunkMade {
    made: Vec<Made>,
    out: Out,
}

/// The transitions of one upgrade.
#[derive(Clone)]
struct Stages {
    work: Arc<Vec<Work>>,
    /// What the function over the whole snapshot has made.
    states: Arc<BTreeMap<EngineId, Vec<u8>>>,
    shared: Arc<Shared>,
}

/// The kinds that cross in one stage: the number of the work of each, by its index.
struct Crossing {
    by_kind: Vec<Option<usize>>,
}

/// What all transitions and rounds are run with.
pub(crate) struct Transitions {
    pub(crate) work: Arc<Vec<Work>>,
    /// The states that are made already, as bytes.
    pub(crate) states: Arc<BTreeMap<EngineId, Vec<u8>>>,
    /// Of the generation that comes.
    pub(crate) table: Arc<GenerationTable>,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) budget: BusBudget,
}

/// How they ended.
pub(crate) struct Ran {
    pub(crate) outcome: Result<CommitEffects, Failure>,
    /// What they logged, also if they failed.
    pub(crate) lines: Vec<LogLine>,
}

/// Runs all transitions and rounds. What they made lies beside the old states, or is gone.
pub(crate) fn run(transitions: Transitions, quiesced: &mut Quiesced<'_>) -> Ran {
    let Transitions {
        work,
        states,
        table,
        under_way,
        budget,
    } = transitions;
    let last = work.iter().map(|item| item.stage).max().unwrap_or(0);
    let shared = Arc::new(Shared::new(quiesced.view(), table, under_way, budget));
    let stages = Stages {
        work,
        states,
        shared: shared.clone(),
    };
    let mut rounds = Rounds::new(shared.clone());
    let mut taken = Taken::default();
    for stage in 0..=last {
        stages.run(stage, quiesced, &mut rounds, &mut taken);
        if shared.is_cancelled() {
            break;
        }
    }
    // After the last stage: a message may be for an engine whose new state no earlier stage has.
    rounds.run(quiesced);
    if !shared.is_cancelled() {
        rounds.check(quiesced);
    }
    // Before the outcome is looked at: what engines logged says most when they failed.
    let lines = rounds.take_lines();
    if let Some(failure) = shared.take_failure() {
        rounds.discard();
        let outcome = Err(failure);
        return Ran { outcome, lines };
    }
    let mut commit_effects = rounds.finish(quiesced);
    taken.counters.append(&mut commit_effects.counters);
    commit_effects.counters = taken.counters;
    (commit_effects.restarted, commit_effects.revived) = (taken.restarted, taken.revived);
    let outcome = Ok(commit_effects);
    Ran { outcome, lines }
}

impl Work {
    /// The step that leads from the old code's states to the new code's, if one does.
    pub(crate) fn step(class: Class, old: &Kind, new: &Kind) -> Option<Migration> {
        match class {
            // Back leads the live code, which knows what came before it; what a function over the whole makes is there.
            Class::Restart | Class::MigrateBack | Class::Snapshot => None,
            Class::Translate => new.migration_from_schema(old.descriptor().schema),
            _ => new.migration_from(old.tag()),
        }
    }
}

impl Stages {
    /// Runs the transitions of one stage and takes up what they made.
    fn run(
        &self,
        stage: usize,
        quiesced: &mut Quiesced<'_>,
        rounds: &mut Rounds,
        taken: &mut Taken,
    ) {
        let chunks = self.shared.view.chunks();
        let made: Arc<Vec<Mutex<ChunkMade>>> =
            Arc::new((0..chunks).map(|_| Mutex::default()).collect());
        let (stages, results) = (self.clone(), made.clone());
        let crossing = Crossing::new(&self.work, stage);
        quiesced.each(chunks, move |chunk| {
            let mut made = ChunkMade::default();
            if stages.shared.begin(chunk, &mut made.out.account) {
                stages.visit(&crossing, chunk, &mut made);
                stages.shared.tell(&mut made.out.account);
            }
            *results[chunk].lock() = made;
        });
        // Taken up by one thread in the order of the chunks: how fast each was must not show.
        let (mut places, mut outs) = (Vec::new(), Vec::new());
        for (chunk, made) in made.iter().enumerate() {
            let ChunkMade { made, out } = std::mem::take(&mut *made.lock());
            for made in made {
                self.take_up(chunk as u32, made, &mut places, taken);
            }
            outs.push(out);
        }
        put_next(quiesced, places);
        rounds.hold(outs);
    }

    fn take_up(&self, chunk: u32, made: Made, places: &mut Vec<Placed<Next>>, taken: &mut Taken) {
        if made.is_stateless {
            taken.revived.push(made.id);
        }
        let item = &self.work[made.item];
        if item.class == Class::Restart {
            taken.restarted.push(made.id);
        }
        let handles = item.new.descriptor().upgrade_message;
        match (made.next, handles) {
            // It stays on the bus, where messages change it, until the rounds are over.
            (Next::Whole(instance), Some(_)) => self.shared.residents.write().add(Resident {
                id: made.id,
                kind: item.index,
                instance: Some(instance),
                home: Home::Place {
                    chunk,
                    number: made.number,
                },
                counters: made.counters,
                handles,
                mailbox: Vec::new(),
            }),
            (state, _) => {
                let number = made.number;
                places.push(Placed {
                    chunk,
                    number,
                    state,
                });
                // Most engines send nothing: the commit has only those to visit that did.
                if made.counters != made.before {
                    taken.counters.push((made.id, made.counters));
                }
            }
        }
    }

    /// Runs the transitions of one chunk's engines, until one fails here or in a chunk before.
    fn visit(&self, crossing: &Crossing, chunk: usize, into: &mut ChunkMade) {
        let here = self.shared.under_way.begin();
        self.shared.view.each_there(chunk, |place, slot| {
            let Some(number) = crossing.of(slot.kind()) else {
                return ControlFlow::Continue(());
            };
            let item = &self.work[number];
            // A poisoned engine has no state to cross with; started afresh it needs none, and a rehearsal none of it.
            let is_stateless = slot.instance().is_none();
            if is_stateless && item.class != Class::Restart {
                return ControlFlow::Continue(());
            }
            // The function over the whole snapshot has it stop.
            if item.class == Class::Snapshot && !self.states.contains_key(&slot.id()) {
                return ControlFlow::Continue(());
            }
            // A chunk after one that failed ends early; one before goes on, and its failure would count instead.
            if self.shared.is_over(chunk) {
                return ControlFlow::Break(());
            }
            let (id, before) = (slot.id(), slot.counters());
            // Before the call: if it does not return, the watchdog names this engine.
            here.at(id, item.index);
            let mut counters = before;
            match self.cross(item, slot, &mut counters, &mut into.out) {
                Ok(next) => {
                    into.made.push(Made {
                        item: number,
                        number: place,
                        id,
                        next,
                        before,
                        counters,
                        is_stateless,
                    });
                    ControlFlow::Continue(())
                }
                Err(failure) => {
                    self.shared.fail(chunk, failure);
                    ControlFlow::Break(())
                }
            }
        });
    }
}

impl Crossing {
    fn new(work: &[Work], stage: usize) -> Self {
        let mut by_kind = Vec::new();
        for (number, item) in work.iter().enumerate() {
            let index = item.index.0 as usize;
            if by_kind.len() <= index {
                by_kind.resize(index + 1, None);
            }
            if item.stage == stage {
                by_kind[index] = Some(number);
            }
        }
        Self { by_kind }
    }

    /// The work of a kind, if it crosses in this stage.
    fn of(&self, kind: KindIndex) -> Option<usize> {
        *self.by_kind.get(kind.0 as usize)?
    }
}
