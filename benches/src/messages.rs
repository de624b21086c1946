//! Measures how many messages a second go between engines on one worker.
//!
//! Engines stand in a ring and pass tokens on: each handled message sends one. Blocks of a counted
//! budget are executed as a node executes them, with routing, mailboxes and rounds; the executor
//! works alone, so no thread is woken.

use crate::{BenchError, Bound, Machine, Spread, Target};
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockTime, ClientId, EngineId, Height};
use refit_kernel::crew::Helpers;
use refit_kernel::limits::{MAILBOX_MESSAGES_MAX, SENDS_PER_MESSAGE_MAX};
use refit_kernel::{BlockInput, Configuration, Executor, GenerationTable, Ingress};
use serde::Serialize;
use std::time::Instant;

/// Messages a second that are promised, in millions.
const MILLIONS_MIN: f64 = 5.0;

/// Engines of a ring.
const ENGINES_MAX: u32 = 100_000;

/// Messages of one block.
const MESSAGES_MAX: u64 = 1 << 32;

/// Repetitions of one run.
const REPETITIONS_MAX: u32 = 1_000;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct MessagesOptions {
    /// Engines of the ring.
    pub engines: u32,
    /// Tokens that each engine starts with: the size of a batch.
    pub tokens: u32,
    /// Messages of one measured block, at least.
    pub messages: u64,
    /// Blocks that are measured.
    pub repetitions: u32,
}

impl Default for MessagesOptions {
    /// 64 engines, 64 tokens each, two million messages, 11 times.
    fn default() -> Self {
        Self {
            engines: 64,
            tokens: 64,
            messages: 2_000_000,
            repetitions: 11,
        }
    }
}

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct MessagesReport {
    /// The machine of the run.
    pub machine: Machine,
    /// Engines of the ring.
    pub engines: u32,
    /// Tokens of each.
    pub tokens: u32,
    /// Millions of messages a second.
    pub millions_per_s: Spread,
    /// The same as ns for each message.
    pub ns_per_message: Spread,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// Runs the bench and returns its report.
///
/// # Errors
/// [`BenchError`].
pub fn run(options: &MessagesOptions) -> Result<MessagesReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let mut ring = Ring::start(options)?;
    ring.block(options.messages)?;
    let mut ns = Vec::new();
    for _ in 0..options.repetitions {
        ns.push(ring.block(options.messages)?);
    }
    let millions_per_s = Spread::of(ns.iter().map(|ns| 1_000.0 / ns));
    let name = "millions of messages a second between engines on one worker";
    let target = Target::new(name, millions_per_s.p50, Bound::AtLeast, MILLIONS_MIN);
    Ok(MessagesReport {
        machine,
        engines: options.engines,
        tokens: options.tokens,
        millions_per_s,
        ns_per_message: Spread::of(ns),
        targets: vec![target],
    })
}

impl MessagesOptions {
    fn check(&self) -> Result<(), BenchError> {
        let tokens_max = SENDS_PER_MESSAGE_MAX.min(MAILBOX_MESSAGES_MAX) as u64;
        let ranges = [
            ("engines", u64::from(self.engines), u64::from(ENGINES_MAX)),
            ("tokens", u64::from(self.tokens), tokens_max),
            ("messages", self.messages, MESSAGES_MAX),
            (
                "repetitions",
                u64::from(self.repetitions),
                u64::from(REPETITIONS_MAX),
            ),
        ];
        match ranges
            .into_iter()
            .find(|(_, value, most)| !(1..=*most).contains(value))
        {
            None => Ok(()),
            Some((option, value, most)) => Err(BenchError::Option {
                option,
                value: value.to_string(),
                range: format!("1 to {most}"),
            }),
        }
    }
}

impl MessagesReport {
    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let (rate, ns) = (&self.millions_per_s, &self.ns_per_message);
        let mut text = format!(
            "Messages between {} engines with {} tokens each, one worker: median [middle half]\n\
             \x20 {:.2} [{:.2}-{:.2}] million a second; {:.1} [{:.1}-{:.1}] ns each\n\nTargets\n",
            self.engines, self.tokens, rate.p50, rate.q1, rate.q3, ns.p50, ns.q1, ns.q3,
        );
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        text + "\n" + &self.machine.to_string() + "\n"
    }
}

/// A ring whose tokens are under way.
struct Ring {
    executor: Executor,
    helpers: Helpers,
    height: u64,
}

impl Ring {
    fn start(options: &MessagesOptions) -> Result<Self, BenchError> {
        let module =
            Module::linked(crate::meter::module()).map_err(|error| BenchError::Engine {
                reason: error.to_string(),
            })?;
        let executor = Executor::new(GenerationTable::first(module.kinds().collect()));
        let mut ring = Self {
            executor,
            helpers: Helpers::none(),
            height: 0,
        };
        for number in 0..options.engines {
            let next = crate::meter::RingConfig {
                next: id((number + 1) % options.engines)?,
            };
            let config = serde_json::to_vec(&next)?;
            let config = Configuration::json(config.as_slice());
            ring.executor
                .start(id(number)?, "ring", config, BlockFrame::default())?;
        }
        let make = format!("{{\"make\":{{\"tokens\":{}}}}}", options.tokens).into_bytes();
        let ingress = |number: u32| {
            Ok(Ingress {
                engine: id(number)?,
                client: ClientId::of("bench"),
                share: refit_kernel::Share::default(),
                sequence: None,
                codec: Codec::Json,
                payload: make.clone(),
            })
        };
        let messages = (0..options.engines)
            .map(ingress)
            .collect::<Result<_, BenchError>>()?;
        // The tokens are made here and not in a measured block.
        ring.execute(messages, 1)?;
        Ok(ring)
    }

    /// Has at least so many messages handled; ns for each.
    fn block(&mut self, messages: u64) -> Result<f64, BenchError> {
        let start = Instant::now();
        let handled = self.execute(Vec::new(), messages)?;
        Ok(start.elapsed().as_nanos() as f64 / handled as f64)
    }

    fn execute(&mut self, messages: Vec<Ingress>, budget: u64) -> Result<u64, BenchError> {
        self.height += 1;
        let (height, time) = (Height(self.height), BlockTime(self.height));
        let frame = BlockFrame {
            height,
            time,
            ..BlockFrame::default()
        };
        let mut parameters = (**self.executor.parameters()).clone();
        parameters.block.messages = budget;
        // Tokens go round for ever, each under one cause: no bound of these is to end them.
        parameters.block.bytes = u64::MAX;
        parameters.block.rounds = u64::MAX;
        parameters.cause.messages_per_block = u64::MAX;
        parameters.cause.bytes_per_block = u64::MAX;
        parameters.cause.rounds_per_block = u64::MAX;
        parameters.cause.in_all.messages = u64::MAX;
        parameters.cause.in_all.bytes = u64::MAX;
        self.executor.set_parameters(parameters);
        let outcome = self.executor.execute(
            &self.helpers,
            BlockInput {
                frame,
                messages,
                ..BlockInput::default()
            },
        );
        let stats = outcome.stats;
        // A ring that has lost its tokens has nothing to do, and would be fast.
        if stats.dead_letters + stats.poisoned > 0 || outcome.backlog == 0 {
            let reason = format!("tokens were lost in the block: {stats:?}");
            return Err(BenchError::Engine { reason });
        }
        Ok(stats.messages)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.executor.discard_engines();
    }
}

fn id(number: u32) -> Result<EngineId, BenchError> {
    Ok(EngineId::root(&format!("ring-{number}"))?)
}
