//! What it costs a running node to have its engines copied: how long no block runs, and how much memory it takes.
//!
//! Three ways are measured in one run, in turn, on the same engines of `table`:
//!
//! * *crew*: the crew writes the whole image between two blocks, as nodes did before;
//! * *fork*: the crew forks, and the fork writes the image while blocks go on: what a rehearsal does. (A fork that
//!   rehearses itself costs one such fork for each run: three of them are measured beside.)
//! * *step*: copy-before-write, one engine at a time between two blocks: no block runs for as long as the largest
//!   engine takes.
//!
//! Memory is the proportional share (PSS) of this process and of the fork, looked at while the fork writes.

use crate::swap::node::{BenchNode, table_id};
use crate::swap::{BenchClass, Cell, SwapCode};
use crate::{BenchError, Bound, Machine, Spread, Target};
use refit_kernel::{Executor, ImageScope};
use refit_loader::sys::fork::{End, Outputs, ProcessCopy, fork};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::time::{Duration, Instant};

/// The time without a block that is promised at 100 MB, in milliseconds.
const WITHOUT_BLOCK_MS_MAX: f64 = 8.0;

/// The largest states, in MiB, for which that is promised.
const PROMISED_MIB_MAX: u64 = 100;

/// Memory that is promised while nothing crosses, as a multiple of that at rest.
const MEMORY_MAX: f64 = 1.05;

/// Memory of one entry of `table`, in bytes: measured as resident memory of 1,000 tables of 2,000.
const ENTRY_BYTES: u64 = 45;

/// Most states that are measured, in MiB.
pub const STATE_MIB_MAX: u64 = 4_096;

/// No image of these is larger, in bytes.
const IMAGE_BYTES_MAX: usize = 8 << 30;

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(5);

/// Longest wait for a fork to end.
const END_WAIT: Duration = Duration::from_secs(120);

/// Processor time of a fork, in seconds.
const CPU_S: u64 = 120;

/// Forks of a rehearsal that forks for each of its runs.
const RUNS: usize = 3;

/// The size of one write, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// Memory of the states, in MiB.
    pub state_mib: Vec<u64>,
    /// Engines that have it.
    pub engines: Vec<u64>,
    /// How often each way is measured.
    pub repetitions: u32,
}

impl Default for CopyOptions {
    /// 1 and 100 MiB in 1 engine and in 1,000, five times.
    fn default() -> Self {
        Self {
            state_mib: vec![1, 100],
            engines: vec![1, 1_000],
            repetitions: 5,
        }
    }
}

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct CopyReport {
    /// The machine of the run.
    pub machine: Machine,
    /// By states and engines.
    pub rows: Vec<CopyRow>,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// One size in so many engines. Times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct CopyRow {
    /// Memory of the states, in MiB.
    pub state_mib: u64,
    /// Engines that have it.
    pub engines: u64,
    /// No block runs: the crew writes everything.
    pub crew_ms: Spread,
    /// No block runs: the crew forks.
    pub fork_ms: Spread,
    /// No block runs: the crew forks for each run of a rehearsal.
    pub forks_ms: Spread,
    /// No block runs: the largest engine is written.
    pub step_ms: Spread,
    /// From the fork to the end of the image.
    pub written_ms: Spread,
    /// Memory while the fork writes all states, as a multiple of that before.
    pub memory_all: Spread,
    /// The same while it writes none: nothing crosses.
    pub memory_none: Spread,
}

/// One measurement of everything.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    crew: Duration,
    fork: Duration,
    forks: Duration,
    step: Duration,
    written: Duration,
    memory_all: f64,
    memory_none: f64,
}

/// Runs the bench and returns its report.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    options: &CopyOptions,
    code: &SwapCode<'_>,
    progress: &mut dyn FnMut(&str),
) -> Result<CopyReport, BenchError> {
    check(options)?;
    let library = code.table(progress)?;
    let machine = Machine::look()?;
    let mut rows = Vec::new();
    for state_mib in &options.state_mib {
        for engines in &options.engines {
            progress(&format!("{state_mib} MiB in {engines} engines"));
            let module = code.load(&library)?;
            let node = BenchNode::start(&[module.module()], 1)?;
            let cell = Cell {
                engines: *engines,
                entries: (state_mib << 20) / ENTRY_BYTES / engines,
                class: BenchClass::Carry,
            };
            node.populate_tables(cell)?;
            let times = (0..options.repetitions).map(|_| measure(&node, *engines));
            let times = times.collect::<Result<Vec<_>, _>>()?;
            node.end()?;
            // Before the next cell, whose memory it would be counted with.
            drop(module.retire());
            rows.push(CopyRow::of(*state_mib, *engines, &times));
        }
    }
    let promised = rows.iter().filter(|row| row.state_mib <= PROMISED_MIB_MAX);
    let targets = promised.flat_map(CopyRow::targets).collect();
    Ok(CopyReport {
        machine,
        rows,
        targets,
    })
}

fn check(options: &CopyOptions) -> Result<(), BenchError> {
    let is_bad = |value: &u64| !(1..=STATE_MIB_MAX).contains(value);
    let values = options.state_mib.iter().chain(&options.engines);
    let bad = values.copied().find(is_bad);
    let bad = bad.or_else(|| (options.repetitions == 0).then_some(0));
    bad.map_or(Ok(()), |value| {
        Err(BenchError::Option {
            option: "a number of states, engines or repetitions",
            value: value.to_string(),
            range: format!("1 to {STATE_MIB_MAX}"),
        })
    })
}

fn measure(node: &BenchNode, engines: u64) -> Result<Measured, BenchError> {
    let crew = node.call("write its image", |executor| {
        timed(|| executor.write_image(&scope(true), io::sink()))
    })?;
    let step = node.call("write its engines", move |executor| {
        let each = |number| {
            let engine = table_id(number)?;
            let written = timed(|| executor.encode_state(engine, IMAGE_BYTES_MAX));
            written.map(|(step, _)| step).map_err(failed)
        };
        let steps = (0..engines).map(each);
        let steps = steps.collect::<Result<Vec<Duration>, BenchError>>()?;
        Ok::<_, BenchError>(steps.into_iter().max().unwrap_or_default())
    })??;
    let forks = node.call("fork", |executor| -> io::Result<Duration> {
        let all = timed(|| {
            (0..RUNS)
                .map(|_| copy(executor, None))
                .collect::<io::Result<Vec<_>>>()
        });
        all.map(|(took, _)| took)
    })?;
    // One after the other: two forks at a time would share what they have written.
    let all = forked(node, true)?;
    let none = forked(node, false)?;
    Ok(Measured {
        crew: crew.map_err(failed)?.0,
        fork: all.held,
        forks: forks.map_err(failed)?,
        step,
        written: all.written,
        memory_all: all.memory,
        memory_none: none.memory,
    })
}

/// One copy by a fork.
struct ByFork {
    /// How long the crew was held.
    held: Duration,
    /// How long until the image was written.
    written: Duration,
    /// The most memory of both processes meanwhile, as a multiple of the node's before.
    memory: f64,
}

/// Copies all states, or none, by a fork.
fn forked(node: &BenchNode, all: bool) -> Result<ByFork, BenchError> {
    let rest = pss_kib("self")?;
    let start = Instant::now();
    let made = node.call("fork", move |executor| timed(|| copy(executor, Some(all))))?;
    let (held, mut process) = made.map_err(failed)?;
    let mut peak = 0;
    let end = loop {
        // Looked at in steps: the memory is read from the system, which takes time of its own.
        if let Some(end) = process.ended_within(LOOK) {
            break end;
        }
        let theirs = process.id().and_then(|id| pss_kib(&id.to_string()).ok());
        let both = pss_kib("self")? + theirs.unwrap_or(0);
        // If it ended between the two looks, what it shared was counted twice.
        if let Some(end) = process.ended_within(Duration::ZERO) {
            break end;
        }
        peak = peak.max(both);
        if start.elapsed() > END_WAIT {
            return Err(failed("the fork does not end"));
        }
    };
    let written = start.elapsed();
    match end {
        End::Done => Ok(ByFork {
            held,
            written,
            memory: peak.max(rest) as f64 / rest as f64,
        }),
        end => Err(failed(format!("the fork ended as {end:?}"))),
    }
}

/// A fork that writes all states, or everything but states, or nothing.
fn copy(executor: &Executor, states: Option<bool>) -> io::Result<ProcessCopy> {
    let null = || fs::OpenOptions::new().write(true).open("/dev/null");
    let outputs = Outputs {
        to: null()?.into(),
        complaints: null()?.into(),
    };
    fork(outputs, CPU_S, |to: &mut File, _| {
        states.is_none_or(|all| {
            let to = BufWriter::with_capacity(BUFFER_BYTES, to);
            executor.write_image(&scope(all), to).is_ok()
        })
    })
}

fn scope(all: bool) -> ImageScope {
    ImageScope {
        kinds: (!all).then(BTreeSet::new),
        ..ImageScope::whole(IMAGE_BYTES_MAX)
    }
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(Duration, T), E> {
    let start = Instant::now();
    let done = work()?;
    Ok((start.elapsed(), done))
}

/// Its proportional share of the memory, in KiB.
fn pss_kib(process: &str) -> Result<u64, BenchError> {
    const WANTED: &str = "the proportional share of the memory";
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(BenchError::file("read", &path))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or(BenchError::Unsaid {
        path: path.into(),
        wanted: WANTED,
    })
}

fn failed(reason: impl ToString) -> BenchError {
    BenchError::Engine {
        reason: reason.to_string(),
    }
}

impl CopyRow {
    fn of(state_mib: u64, engines: u64, times: &[Measured]) -> Self {
        let ms = |of: fn(&Measured) -> Duration| {
            Spread::of(times.iter().map(|it| of(it).as_secs_f64() * 1_000.0))
        };
        Self {
            state_mib,
            engines,
            crew_ms: ms(|it| it.crew),
            fork_ms: ms(|it| it.fork),
            forks_ms: ms(|it| it.forks),
            step_ms: ms(|it| it.step),
            written_ms: ms(|it| it.written),
            memory_all: Spread::of(times.iter().map(|it| it.memory_all)),
            memory_none: Spread::of(times.iter().map(|it| it.memory_none)),
        }
    }

    fn targets(&self) -> [Target; 2] {
        let Self {
            state_mib, engines, ..
        } = self;
        let of = format!("{state_mib} MiB in {engines} engines");
        let without = format!("ms without a block for a copy of {of}");
        let memory = format!("memory while nothing of {of} crosses, of that at rest");
        [
            Target::new(
                without,
                self.fork_ms.p50,
                Bound::AtMost,
                WITHOUT_BLOCK_MS_MAX,
            ),
            Target::new(memory, self.memory_none.p50, Bound::AtMost, MEMORY_MAX),
        ]
    }
}

impl CopyReport {
    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = "Copying a node's engines: ms without a block, by the crew, by a fork, by three forks, and for \
             the largest engine alone; ms until the fork has written; memory, all states and none copied. Medians\n\
             \x20   MiB  engines      crew      fork     forks      step   written    all   none\n"
            .to_owned();
        for row in &self.rows {
            // Writing into a string does not fail.
            let _ = writeln!(
                text,
                "{:>7} {:>8} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.1} {:>6.2} {:>6.2}",
                row.state_mib,
                row.engines,
                row.crew_ms.p50,
                row.fork_ms.p50,
                row.forks_ms.p50,
                row.step_ms.p50,
                row.written_ms.p50,
                row.memory_all.p50,
                row.memory_none.p50
            );
        }
        text += "\nTargets\n";
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        text + "\n" + &self.machine.to_string() + "\n"
    }
}
