//! Measures the upgrade bus: messages between new states, and engines started there.
//!
//! Each repetition is a node of its own: engines of a linked-in kind start, an upgrade is armed, and
//! the time from the closed gate to the commit is taken on the thread that does the work. So a figure
//! holds everything: the transitions, routing, rounds, and giving what was started its place. The
//! cases take turns, so that other work on the machine falls on all alike.

mod engines;
mod report;

pub use report::{BusReport, CSV_HEADER, CaseReport};

use crate::figures::{self, JSON_MARK};
use crate::swap::node::BenchNode;
use crate::{BenchError, Machine};
use engines::{Config, Job, id};
use refit_abi::EngineId;
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_kernel::Configuration;
use refit_kernel::Executor;
use refit_upgrade::{Armed, BusBudget, Directives, Plan, Verdict};
use std::fs;
use std::path::PathBuf;

/// How `bus.csv` starts.
const CSV_MARK: &str = "case,unit,workers,";

/// Repetitions of one run.
const REPETITIONS_MAX: u32 = 1_000;

/// Threads of a crew.
const WORKERS_MAX: usize = 64;

/// A budget that no case exhausts.
const BUDGET: BusBudget = BusBudget {
    messages: 1 << 40,
    rounds: 1 << 40,
    bytes: 1 << 40,
    engines: 1 << 24,
};

/// The options of a run.
#[derive(Clone, Debug)]
pub struct BusOptions {
    /// How often each case is measured.
    pub repetitions: u32,
    /// Threads of the crew, but for the cases on one worker.
    pub workers: usize,
    /// Makes the cases so many times smaller, for tests.
    pub shrink: u32,
    /// The folder for `bus.csv` and `bus.json`; `None` writes none.
    pub out: Option<PathBuf>,
}

impl Default for BusOptions {
    /// 11 times, on all cores.
    fn default() -> Self {
        Self {
            repetitions: 11,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            shrink: 1,
            out: None,
        }
    }
}

/// The work of the engines of a case.
#[derive(Clone, Copy, Debug)]
struct Jobs {
    first: Job,
    others: Job,
}

/// One thing that is measured.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    unit: &'static str,
    /// Engines before the upgrade.
    engines: u32,
    workers: usize,
    jobs: Jobs,
    /// Messages handled or engines started in all.
    count: u64,
    /// The most that all of it may take in ms, or one of it in ns.
    most: Most,
}

/// The bound on a case.
#[derive(Clone, Copy, Debug)]
enum Most {
    /// For all of it.
    Ms(f64),
    /// For one.
    NsEach(f64),
    /// Nothing is promised.
    Any,
}

/// Measures, and writes `bus.csv` and `bus.json` if the options name a folder.
///
/// # Errors
/// [`BenchError`].
pub fn run(options: &BusOptions) -> Result<BusReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let cases = cases(options);
    let mut times = vec![Vec::new(); cases.len()];
    for repetition in 0..=options.repetitions {
        for (case, times) in cases.iter().zip(&mut times) {
            let ms = case.measure()?;
            // The first warms the caches and the allocator.
            if repetition > 0 {
                times.push(ms);
            }
        }
    }
    let report = BusReport::of(machine, options.workers, &cases, times);
    if let Some(out) = &options.out {
        fs::create_dir_all(out).map_err(BenchError::file("create", out))?;
        let files = [
            ("bus.csv", CSV_MARK, report.csv()),
            ("bus.json", JSON_MARK, report.json()?),
        ];
        for (name, mark, text) in files {
            let path = out.join(name);
            figures::write(&path, mark, &text).map_err(BenchError::file("write", &path))?;
        }
    }
    Ok(report)
}

fn cases(options: &BusOptions) -> Vec<Case> {
    let (workers, shrink) = (options.workers, options.shrink);
    let idle = Job::Idle;
    let ring = |tokens: u32, hops: u64| {
        let job = Job::Ring { tokens, hops };
        (job, u64::from(tokens) * hops)
    };
    let (busy, busy_hops) = ring(64, 1_000 / u64::from(shrink));
    let (lone, lone_hops) = ring(1, 50_000 / u64::from(shrink));
    let (receivers, all, started) = (1_000 / shrink, 317 / shrink, 10_000 / shrink);
    let to_each = |engines, each| Job::Send { engines, each };
    vec![
        Case {
            name: "ring",
            unit: "hop",
            engines: 64,
            workers: 1,
            // All 64 engines put 64 tokens in: as the `messages` bench.
            jobs: Jobs {
                first: busy,
                others: busy,
            },
            count: 64 * busy_hops,
            most: Most::NsEach(100.0),
        },
        Case {
            name: "one token",
            unit: "round",
            engines: 64,
            workers: 1,
            jobs: Jobs {
                first: lone,
                others: idle,
            },
            count: lone_hops,
            most: Most::Any,
        },
        Case {
            name: "one to many",
            unit: "message",
            engines: receivers,
            workers,
            jobs: Jobs {
                first: to_each(receivers, 100),
                others: idle,
            },
            count: u64::from(receivers) * 100,
            most: Most::Ms(50.0),
        },
        Case {
            name: "all to all",
            unit: "message",
            engines: all,
            workers,
            jobs: Jobs {
                first: to_each(all, 1),
                others: to_each(all, 1),
            },
            count: u64::from(all) * u64::from(all),
            most: Most::Ms(50.0),
        },
        Case {
            name: "spawn",
            unit: "engine",
            engines: 1,
            workers,
            jobs: Jobs {
                first: Job::Spawn { engines: started },
                others: idle,
            },
            count: u64::from(started),
            most: Most::Ms(100.0),
        },
    ]
}

impl BusOptions {
    fn check(&self) -> Result<(), BenchError> {
        let ranges = [
            (
                "repetitions",
                u64::from(self.repetitions),
                u64::from(REPETITIONS_MAX),
            ),
            ("workers", self.workers as u64, WORKERS_MAX as u64),
            ("shrink", u64::from(self.shrink), 100),
        ];
        let wrong = ranges
            .into_iter()
            .find(|(_, value, most)| !(1..=*most).contains(value));
        match wrong {
            None => Ok(()),
            Some((option, value, most)) => Err(BenchError::Option {
                option,
                value: value.to_string(),
                range: format!("1 to {most}"),
            }),
        }
    }
}

impl Case {
    /// One node's whole life; ms from the closed gate to the commit.
    fn measure(&self) -> Result<f64, BenchError> {
        let old = linked(engines::old())?;
        let new = linked(engines::new())?;
        let mut node = BenchNode::start(&[&old], self.workers)?;
        let case = *self;
        node.call("start the engines", move |executor| case.populate(executor))??;
        let directives = Directives {
            budget: BUDGET,
            ..Directives::default()
        };
        let (live, new) = (node.table()?, [new]);
        let plan = Plan::at_hand(&live, &new, &directives)?;
        let armed = Armed::new(&plan, &live, &new)?;
        let crew = node.next_crew()?;
        let resumed = node.swap(Some(armed), crew)?.resumed;
        match resumed.verdict {
            Some(Verdict::Aborted { phase, failure }) => {
                return Err(BenchError::Aborted { phase, failure });
            }
            Some(Verdict::Committed(_)) | None => {}
        }
        node.call("count", move |executor| case.agrees(executor))??;
        node.end()?;
        let pause = resumed.times.committed - resumed.times.quiesced;
        Ok(pause.as_secs_f64() * 1_000.0)
    }

    fn populate(&self, executor: &mut Executor) -> Result<(), BenchError> {
        for number in 0..self.engines {
            let next = id((number + 1) % self.engines)?;
            let job = if number == 0 {
                self.jobs.first
            } else {
                self.jobs.others
            };
            let config = serde_json::to_vec(&Config { next, job })?;
            let config = Configuration::json(config.as_slice());
            executor.start(id(number)?, "bus-node", config, BlockFrame::default())?;
        }
        Ok(())
    }

    /// Whether everything was handled or started, once.
    fn agrees(&self, executor: &mut Executor) -> Result<(), BenchError> {
        let found = match self.jobs.first {
            Job::Spawn { .. } => executor.engines() as u64 - u64::from(self.engines),
            _ => (0..self.engines).try_fold(0, |sum, number| {
                let answer = executor.query(id(number)?, Codec::Json, b"{}")?;
                Ok::<u64, BenchError>(sum + serde_json::from_slice::<u64>(&answer)?)
            })?,
        };
        if found == self.count {
            return Ok(());
        }
        Err(BenchError::Wrong {
            engine: EngineId::root("bus-0")?,
            expected: format!("{} of `{}` together with the others", self.count, self.unit),
            found: found.to_string(),
        })
    }
}

fn linked(root: refit_abi::export::LinkedModule) -> Result<Module, BenchError> {
    Module::linked(root).map_err(|error| BenchError::Engine {
        reason: error.to_string(),
    })
}
