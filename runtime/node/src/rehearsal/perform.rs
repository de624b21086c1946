//! The rehearsal itself: the node in small, one upgrade, a few times.

use super::child::{Input, Observer, defect, unable};
use super::memory::Mark;
use super::read_back::{self, Crossing};
use super::replay::Replay;
use super::wire::{Failed, ModuleAt, NEEDS_ALL, Passed, Request, Writes};
use super::written::Written;
use crate::micros::micros;
use crate::pause::{Point, Resumed, Watches};
use crossbeam_channel::bounded;
use parking_lot::Mutex;
use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::host::Module;
use refit_kernel::crew::Crew;
use refit_kernel::{
    CopiedExecutor, Duty, EngineState, Executor, GenerationTable, Grants, ImageHeader, ImageReader,
    KindImage, Silence, StateError, StreamError, replaced,
};
use refit_loader::{ChildLoader, ChildModule, Fence};
use refit_upgrade::{Armed, Unwatched, Verdict};
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs of one rehearsal; their median is what is predicted.
const RUNS_MAX: usize = 3;

/// Runs that are compared, to see whether the upgrade makes the same states each time.
const RUNS_TO_COMPARE: usize = 2;

/// While all runs together took less than this there are [`RUNS_MAX`] of them: a better median is not worth more of the
/// processor time that clients want.
const MEDIAN_TIME_MAX: Duration = Duration::from_millis(20);

/// A run that took longer than this, all in all, is the only one.
const QUICK: Duration = Duration::from_millis(200);

/// No wait inside the child is longer than the parent's: it kills the child.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// The findings of one run.
struct Run {
    pause: Duration,
    made: Made,
}

/// The new states of one run.
struct Made {
    /// Memory that it needed at most, in bytes.
    memory_bytes: u64,
    /// BLAKE3 of all new states.
    digest: String,
    /// Each of them.
    states: Vec<Digested>,
}

/// A state, as far as it is compared.
#[derive(PartialEq, Eq)]
struct Digested {
    engine: EngineId,
    bytes: blake3::Hash,
    /// Of how often each byte occurs: equal if entries have only changed places.
    counts: blake3::Hash,
}

/// The look at what an upgrade has made.
struct Look {
    /// The engines that were poisoned before.
    poisoned: BTreeSet<EngineId>,
    mark: Mark,
    /// Where it is written, if that is wanted.
    written: Option<Written>,
}

/// The code, old and new.
struct Stage<'a> {
    request: &'a Request,
    table: Arc<GenerationTable>,
    modules: Vec<Module>,
    /// The old modules none of whose kinds goes on.
    replaced: Arc<Vec<ChildModule>>,
}

/// Rehearses what is asked.
pub(super) fn run(request: &Request, input: Input, observer: &Observer) -> Result<Passed, Failed> {
    // Nothing is unmapped here: the process ends.
    let loader = ChildLoader::new().map_err(|error| unable(&error))?;
    let old = load(&loader, &request.old)?;
    let new = load(&loader, &request.new)?;
    let mut input = Replay::new(input);
    let image = ImageReader::begin(&mut input).map_err(|error| unread(&error))?;
    let header = image.header().clone();
    let grants = image.parameters().grants.clone();
    let table = table(request, &header, grants, &old)?;
    let modules: Vec<_> = new.iter().map(|loaded| loaded.module().clone()).collect();
    let stage = Stage {
        request,
        replaced: Arc::new(replaced(request, &header, old, &modules)),
        table,
        modules,
    };
    let CopiedExecutor { executor, tally } = stage.executor(image, &header.kinds)?;
    let again = input.again();
    let first_run = Instant::now();
    let mut start = first_run;
    let first = stage.run(executor, observer, request.writes.as_ref())?;
    let mut pauses = vec![first.pause];
    // States that are too large to be kept as bytes, too, are rehearsed once.
    while let Some(again) = &again
        && pauses.len() < runs_max(first_run.elapsed())
        && start.elapsed() <= QUICK
    {
        start = Instant::now();
        let image = ImageReader::begin(again.as_slice()).map_err(|error| unread(&error))?;
        let copied = image.executor(stage.table.clone(), |_| ());
        let copied = copied.map_err(|error| unread(&error))?;
        let run = stage.run(copied.executor, observer, None)?;
        pauses.push(run.pause);
        // A migration that reads a clock, or the order of a hash map, shows here.
        same(&first.made, &run.made)?;
    }
    // The median: one run may have met a busy processor.
    pauses.sort_unstable();
    Ok(Passed {
        pause_us: micros(pauses[pauses.len() / 2]),
        runs: pauses.len() as u32,
        engines: tally.engines,
        state_bytes: tally.state_bytes,
        memory_bytes: first.made.memory_bytes,
        digest: first.made.digest,
    })
}

/// How many runs there are at most, when those up to now took so long together.
fn runs_max(took: Duration) -> usize {
    match took <= MEDIAN_TIME_MAX {
        true => RUNS_MAX,
        false => RUNS_TO_COMPARE,
    }
}

/// The copy of the state cannot be read.
pub(super) fn unread(error: &StreamError) -> Failed {
    Failed::of(error)
}

/// Whether another run of the same upgrade on the same state made the same.
fn same(first: &Made, again: &Made) -> Result<(), Failed> {
    if first.digest == again.digest {
        return Ok(());
    }
    let mut states = first.states.iter().zip(&again.states);
    let other = states.find(|(first, again)| first != again);
    let engine = other.map(|(first, _)| first.engine.to_string());
    let reordered = other.is_some_and(|(first, again)| first.counts == again.counts);
    let next = match reordered {
        true => read_back::ORDER,
        false => "mend the migration: no clock, no random numbers, no order of a hash map",
    };
    let what = match &engine {
        Some(engine) => format!("the new state of engine `{engine}` differs"),
        None => "the new engines differ".to_owned(),
    };
    Err(Failed {
        code: codes::REHEARSAL_DIFFERS.to_owned(),
        detail: format!("{what} between two runs of the same upgrade on the same state"),
        next: next.to_owned(),
        engine,
        key: None,
    })
}

pub(super) fn load(loader: &ChildLoader, modules: &[ModuleAt]) -> Result<Vec<ChildModule>, Failed> {
    let load = |module: &ModuleAt| loader.load_file(&module.path);
    let loaded: Result<Vec<_>, _> = modules.iter().map(load).collect();
    loaded.map_err(|error| Failed {
        detail: format!("a module cannot be loaded for the rehearsal: {error}"),
        ..Failed::of(&error)
    })
}

/// The old modules that the upgrade leaves no kind of.
fn replaced(
    request: &Request,
    header: &ImageHeader,
    old: Vec<ChildModule>,
    modules: &[Module],
) -> Vec<ChildModule> {
    let new = new_kinds(modules);
    let kinds = header.kinds.iter().zip(&request.kinds);
    let carried = kinds.filter(|(kind, _)| !new.contains(&kind.name));
    let stay: BTreeSet<usize> = carried.map(|(_, place)| *place).collect();
    let places = old.into_iter().enumerate();
    places
        .filter(|(place, _)| !stay.contains(place))
        .map(|(_, module)| module)
        .collect()
}

/// The kinds whose code comes in.
fn new_kinds(modules: &[Module]) -> BTreeSet<String> {
    let kinds = modules.iter().flat_map(Module::kinds);
    kinds.map(|kind| kind.descriptor().kind.clone()).collect()
}

/// The live generation, with the node's kinds in the node's order.
pub(super) fn table(
    request: &Request,
    header: &ImageHeader,
    grants: Grants,
    old: &[ChildModule],
) -> Result<Arc<GenerationTable>, Failed> {
    let kind = |(kind, place): (&KindImage, &usize)| {
        let module = old.get(*place)?.module();
        module.kind(&kind.name)
    };
    let kinds = header.kinds.iter().zip(&request.kinds).map(kind);
    let kinds: Option<Vec<_>> = kinds.collect();
    let kinds = kinds.ok_or_else(|| defect(&"a kind is in none of the modules"))?;
    Ok(GenerationTable::at(header.generation, kinds, grants))
}

impl Stage<'_> {
    /// The node in small, out of the stream: each state that crosses as bytes is looked at as it comes.
    fn executor<R: Read>(
        &self,
        image: ImageReader<R>,
        kinds: &[KindImage],
    ) -> Result<CopiedExecutor, Failed> {
        let crossing = Crossing::new(kinds, &self.table, &self.modules, &self.request.plan);
        let mut checked = Ok(());
        let executor = image.executor(self.table.clone(), |engine| {
            if checked.is_ok() {
                checked = crossing.check(engine);
            }
        });
        checked?;
        executor.map_err(|error| unread(&error))
    }

    /// One upgrade, from the copy of the state to checked new states, which are written if that is wanted.
    fn run(
        &self,
        executor: Executor,
        observer: &Observer,
        writes: Option<&Writes>,
    ) -> Result<Run, Failed> {
        let poisoned = executor.poisoned(usize::MAX);
        let poisoned = poisoned.into_iter().map(|it| it.engine).collect();
        let armed = Armed::new(&self.request.plan, &self.table, &self.modules);
        let armed = armed.map_err(|error| Failed::of(&error))?;
        let under_way = armed.under_way().clone();
        *observer.lock() = Some(under_way.clone());
        let duty = Duty::park("old", self.request.workers).map_err(|error| unable(&error))?;
        let next = duty.next("new").map_err(|error| unable(&error))?;
        duty.begin(executor);
        // After the copy was read in, which the node need not do.
        let mark = Mark::set();
        let resumed = upgrade(armed, &duty, next)?;
        let run = match under_way.has_missed() {
            true => Err(needs_all()),
            false => {
                let written = writes.map(Written::open).transpose();
                written.and_then(|written| {
                    let look = Look {
                        poisoned,
                        mark,
                        written,
                    };
                    self.judge(&resumed, look, &duty)
                })
            }
        };
        // Also after a failure: the next run starts with as much memory as this one.
        let _ = duty.ask(Executor::discard_engines, FOREVER);
        duty.stop();
        run
    }

    fn judge(&self, resumed: &Resumed, look: Look, duty: &Duty) -> Result<Run, Failed> {
        match &resumed.verdict {
            Some(Verdict::Committed(_)) => {}
            Some(Verdict::Aborted { failure, .. }) => {
                return Err(Failed::of(failure));
            }
            None => return Err(defect(&"the update point gave no verdict")),
        }
        let new = new_kinds(&self.modules);
        let replaced = self.replaced.clone();
        let Look {
            poisoned,
            mark,
            written,
        } = look;
        let look = move |executor: &mut Executor| {
            settle(executor, &poisoned)?;
            // The crew that entered the old code was joined, and its states are dropped: from here on a node
            // would have unmapped it.
            let _fence = Fence::around(replaced.iter()).map_err(|error| unable(&error))?;
            let made = look_at(executor, &new, mark)?;
            // Only what has passed every check.
            written.map_or(Ok(()), |written| written.write(executor))?;
            Ok(made)
        };
        let made = duty
            .ask(look, FOREVER)
            .map_err(|silence| defect(&silence))??;
        Ok(Run {
            pause: resumed.times.resumed.duration_since(resumed.times.closing),
            made,
        })
    }
}

/// Says nothing of the upgrade: it is rehearsed again, with all states.
fn needs_all() -> Failed {
    Failed {
        code: NEEDS_ALL.to_owned(),
        detail: "a transition asks an engine whose code does not change".to_owned(),
        next: "rehearse with the states of all kinds".to_owned(),
        engine: None,
        key: None,
    }
}

/// Runs the pause, and waits for the end of the crew that ran it.
pub(super) fn upgrade(armed: Armed, duty: &Duty, next: Crew) -> Result<Resumed, Failed> {
    let (to_us, resumed) = bounded(1);
    let watches = Watches {
        watch: Arc::new(Mutex::new(Unwatched)),
        watched: Arc::default(),
    };
    let point = Point::new(Arc::new(armed), watches, vec![to_us]);
    let old = duty.hand_over(Box::new(point), next);
    let old = old.map_err(|silence| defect(&silence))?;
    let resumed = resumed.recv().map_err(|_| defect(&Silence::Ended))?;
    if let Some(old) = old {
        // As the node does before it lets old code go: what its threads drop at their end is part of what is tried.
        old.join();
    }
    Ok(resumed)
}

/// Settles everything, and drops what was replaced.
fn settle(executor: &mut Executor, poisoned: &BTreeSet<EngineId>) -> Result<(), Failed> {
    executor.sweep();
    // This process unmaps nothing: without a thread they are leaked.
    let _ = replaced::discard(executor.take_replaced());
    for status in executor.statuses(usize::MAX) {
        if let EngineState::Poisoned(poison) = status.state
            && !poisoned.contains(&status.id)
        {
            let text = &poison.text;
            let detail = format!("engine `{}` would be poisoned: {text}", status.id);
            return Err(unfit(codes::SETTLING_FAILED, detail, status.id, None));
        }
    }
    Ok(())
}

/// Runs the checks of the new kinds, and digests all states.
fn look_at(executor: &mut Executor, new: &BTreeSet<String>, mark: Mark) -> Result<Made, Failed> {
    let table = executor.table();
    let is_new = |index| {
        let entry = table.get(index);
        entry.is_some_and(|entry| new.contains(&entry.kind.descriptor().kind))
    };
    executor
        .check_states(is_new)
        .map_err(|StateError { engine, error }| {
            let detail =
                format!("the new state of engine `{engine}` does not pass its check: {error}");
            unfit(codes::CHECK_FAILED, detail, engine, error.key())
        })?;
    // The memory after this is the rehearsal's own: no upgrade writes all states down.
    let memory_bytes = mark.peak();
    let mut hasher = blake3::Hasher::new_derive_key("refit 2026 states after an upgrade");
    let mut states = Vec::new();
    let each = executor.each_state(|engine, pieces| {
        let (mut bytes, mut counts) = (blake3::Hasher::new(), [0; 256]);
        for piece in pieces {
            let piece = piece?;
            bytes.update(&piece);
            read_back::count(&piece, &mut counts);
        }
        let counts = counts.map(u64::to_le_bytes);
        let (bytes, counts) = (bytes.finalize(), blake3::hash(counts.as_flattened()));
        // The engine too: two that changed places would else give the same digest.
        hasher.update(&engine.to_bytes());
        hasher.update(bytes.as_bytes());
        states.push(Digested {
            engine,
            bytes,
            counts,
        });
        Ok(())
    });
    each.map_err(|StateError { engine, error }| {
        let detail = format!("the new state of engine `{engine}` cannot be written: {error}");
        if let Some((code, next)) = error.of_the_state() {
            let next = next.to_owned();
            return Failed {
                next,
                ..unfit(code, detail, engine, None)
            };
        }
        unfit(codes::STATE_NOT_WRITTEN, detail, engine, error.key())
    })?;
    Ok(Made {
        memory_bytes,
        digest: hasher.finalize().to_hex().to_string(),
        states,
    })
}

fn unfit(code: &str, detail: String, engine: EngineId, key: Option<&str>) -> Failed {
    Failed {
        code: code.to_owned(),
        detail,
        next: "mend the engine's migration and plan again".to_owned(),
        engine: Some(engine.to_string()),
        key: key.map(str::to_owned),
    }
}
