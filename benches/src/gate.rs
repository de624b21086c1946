//! Measures the cost that the gate and the batched call over the C interface add to one message.
//!
//! Two ways lead the same bytes to the same handler: (a) decode them and call it; (b) enter the gate
//! once for a batch, and hand the batch to the module's table, as a crew does. They take turns within
//! each repetition. The difference is the price of being replaceable.

use crate::meter::{Add, Meter};
use crate::undo::{self, UndoReport};
use crate::{BenchError, Bound, Machine, Spread, Target};
use refit_abi::host::{BlockFrame, HandleContext, Instance, Kind, Module, NoServices};
use refit_abi::raw::{CallStatus, Codec, Delivery, DeliveryKind};
use refit_abi::{ClientId, EngineId, Sender, State};
use refit_kernel::gate::Gate;
use serde::Serialize;
use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The most that the gate and the batched call may add, in ns for each message.
const ADDED_NS_MAX: f64 = 3.0;

/// Messages of one measured stretch.
const MESSAGES_MAX: u64 = 1 << 32;

/// Messages of one batch.
const BATCH_MESSAGES_MAX: usize = 65_536;

/// Repetitions of one run.
const REPETITIONS_MAX: u32 = 1_000;

/// Repetitions of what rolling back costs: a copy of a large state takes long.
const UNDO_REPETITIONS_MAX: u32 = 31;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct GateOptions {
    /// Messages of a batch.
    pub batches: Vec<usize>,
    /// Messages of one stretch; rounded up to whole batches.
    pub messages: u64,
    /// Stretches of each way.
    pub repetitions: u32,
}

impl Default for GateOptions {
    /// Batches of 32 to 256; many short stretches, so that other work on the machine falls on both ways
    /// alike.
    fn default() -> Self {
        Self {
            batches: vec![32, 64, 128, 256],
            messages: 50_000,
            repetitions: 301,
        }
    }
}

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct GateReport {
    /// The machine of the run.
    pub machine: Machine,
    /// Messages of one stretch.
    pub messages: u64,
    /// One for each size of batch.
    pub batches: Vec<BatchReport>,
    /// The cost of rolling back, by the size of the state.
    pub undo: Vec<UndoReport>,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// One size of batch; ns for each message.
#[derive(Clone, Debug, Serialize)]
pub struct BatchReport {
    /// Messages of a batch.
    pub batch: usize,
    /// Decoded and called.
    pub direct_ns: Spread,
    /// Through the gate and the table.
    pub gated_ns: Spread,
    /// The second less the first, of each repetition.
    pub added_ns: Spread,
}

/// Runs the bench and returns its report.
///
/// # Errors
/// [`BenchError`].
pub fn run(options: &GateOptions) -> Result<GateReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let batches = options.batches.iter().map(|batch| measure(*batch, options));
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    let judge = |report: &BatchReport| {
        let name = format!(
            "gate and call in batches of {}, added ns a message",
            report.batch
        );
        Target::new(name, report.added_ns.p50, Bound::AtMost, ADDED_NS_MAX)
    };
    let targets = batches.iter().map(judge).collect();
    Ok(GateReport {
        machine,
        messages: options.messages,
        batches,
        undo: undo::measure(options.repetitions.min(UNDO_REPETITIONS_MAX))?,
        targets,
    })
}

impl GateOptions {
    fn check(&self) -> Result<(), BenchError> {
        let refused = |option, value: String, range: String| {
            Err(BenchError::Option {
                option,
                value,
                range,
            })
        };
        if self.batches.is_empty() {
            return refused(
                "batch",
                "nothing".to_owned(),
                "at least one size".to_owned(),
            );
        }
        for batch in &self.batches {
            if !(1..=BATCH_MESSAGES_MAX).contains(batch) {
                return refused(
                    "batch",
                    batch.to_string(),
                    format!("1 to {BATCH_MESSAGES_MAX}"),
                );
            }
        }
        if !(1..=MESSAGES_MAX).contains(&self.messages) {
            return refused(
                "messages",
                self.messages.to_string(),
                format!("1 to {MESSAGES_MAX}"),
            );
        }
        if !(1..=REPETITIONS_MAX).contains(&self.repetitions) {
            let value = self.repetitions.to_string();
            return refused("repetitions", value, format!("1 to {REPETITIONS_MAX}"));
        }
        Ok(())
    }
}

impl GateReport {
    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text =
            "Gate and batched call over a direct call, ns a message: median [middle half]\n\
                        \x20 batch             direct              gated              added\n"
                .to_owned();
        let spread = |of: &Spread| format!("{:.2} [{:.2}-{:.2}]", of.p50, of.q1, of.q3);
        for report in &self.batches {
            let (direct, gated) = (spread(&report.direct_ns), spread(&report.gated_ns));
            let added = spread(&report.added_ns);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:>7} {direct:>18} {gated:>18} {added:>18}",
                report.batch
            );
        }
        text += "\nRolling back, in batches of 32, ns a message: median [middle half]\n\
                 entries            without           by Clone           by bytes\n";
        for report in &self.undo {
            let (plain, cloned) = (spread(&report.plain_ns), spread(&report.cloned_ns));
            let encoded = spread(&report.encoded_ns);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:>7} {plain:>18} {cloned:>18} {encoded:>18}",
                report.entries
            );
        }
        let lines = self.targets.iter().map(|target| format!("  {target}\n"));
        text + "\nTargets\n" + &lines.collect::<String>() + "\n" + &self.machine.to_string() + "\n"
    }
}

/// Both ways, in turns. The one that begins changes with each repetition.
fn measure(batch: usize, options: &GateOptions) -> Result<BatchReport, BenchError> {
    let payloads = payloads(batch)?;
    let rounds = options.messages.div_ceil(batch as u64);
    let mut direct = Direct {
        state: Meter::default(),
        payloads: &payloads,
    };
    let mut gated = Gated::new(&payloads)?;
    // Once unmeasured: code and data are in the caches then.
    direct.stretch(rounds)?;
    gated.stretch(rounds)?;
    let (mut direct_ns, mut gated_ns) = (Vec::new(), Vec::new());
    let per_message = |time: Duration| time.as_nanos() as f64 / (rounds * batch as u64) as f64;
    // In turns, each first every other time: a clock that slows down, or a cache, favours neither.
    for repetition in 0..options.repetitions {
        if repetition % 2 == 0 {
            direct_ns.push(per_message(direct.stretch(rounds)?));
            gated_ns.push(per_message(gated.stretch(rounds)?));
        } else {
            gated_ns.push(per_message(gated.stretch(rounds)?));
            direct_ns.push(per_message(direct.stretch(rounds)?));
        }
    }
    // A way that left out work would be the faster one.
    gated.agrees_with(&direct.state)?;
    let added = gated_ns
        .iter()
        .zip(&direct_ns)
        .map(|(gated, direct)| gated - direct);
    let added_ns = Spread::of(added);
    let (direct_ns, gated_ns) = (Spread::of(direct_ns), Spread::of(gated_ns));
    Ok(BatchReport {
        batch,
        direct_ns,
        gated_ns,
        added_ns,
    })
}

/// Messages as they lie in mailboxes: varied, so that decoding them takes varied bytes.
fn payloads(batch: usize) -> Result<Vec<Vec<u8>>, BenchError> {
    let add = |number: u64| Add {
        key: number.wrapping_mul(0x9E37_79B9),
        amount: number,
    };
    let encode = |number| postcard::to_allocvec(&add(number)).map_err(engine);
    (0..batch as u64).map(encode).collect()
}

/// Decode and call.
struct Direct<'a> {
    state: Meter,
    payloads: &'a [Vec<u8>],
}

impl Direct<'_> {
    fn stretch(&mut self, rounds: u64) -> Result<Duration, BenchError> {
        let start = Instant::now();
        for _ in 0..rounds {
            for payload in black_box(self.payloads) {
                match postcard::take_from_bytes::<Add>(payload) {
                    Ok((add, [])) => self.state.add(&add),
                    Ok((_, rest)) => return Err(engine(format!("{} bytes left", rest.len()))),
                    Err(error) => return Err(engine(error)),
                }
            }
        }
        Ok(start.elapsed())
    }
}

/// The gate, then the module's table.
struct Gated<'a> {
    gate: Gate,
    kind: Kind,
    instance: Instance,
    batch: Vec<Delivery<'a>>,
}

impl<'a> Gated<'a> {
    fn new(payloads: &'a [Vec<u8>]) -> Result<Self, BenchError> {
        let module = Module::linked(crate::meter::module()).map_err(engine)?;
        let kind = module
            .kind("meter")
            .ok_or_else(|| engine("it has no kind `meter`"))?;
        let id = EngineId::root("meter")?;
        let config = (Codec::Json, b"{}".as_slice());
        let instance = kind
            .init(id, config, BlockFrame::default(), &mut NoServices)
            .map_err(engine)?;
        let numbered = (0..).zip(payloads);
        let batch = numbered.map(|(sequence, payload)| delivery::<Add>(sequence, payload));
        Ok(Self {
            gate: Gate::new(),
            kind,
            instance,
            batch: batch.collect(),
        })
    }

    fn stretch(&mut self, rounds: u64) -> Result<Duration, BenchError> {
        let id = EngineId::root("meter")?;
        let start = Instant::now();
        for round in 0..rounds {
            let Some(_pass) = self.gate.enter() else {
                return Err(engine("the gate is closed"));
            };
            let mut services = NoServices;
            let mut context = HandleContext::new(id, BlockFrame::default(), round, &mut services);
            let outcome =
                self.kind
                    .handle(&mut self.instance, black_box(&self.batch), &mut context);
            if outcome.is_none_or(|outcome| outcome.status != CallStatus::Ok) {
                return Err(engine("it did not handle the batch"));
            }
        }
        Ok(start.elapsed())
    }

    /// Both ways must have done the same work.
    fn agrees_with(self, direct: &Meter) -> Result<(), BenchError> {
        let mut bytes = Vec::new();
        self.kind
            .encode(&self.instance, &mut bytes)
            .map_err(engine)?;
        // Linked in, it may be dropped by the same table.
        let _ = self.kind.discard(self.instance);
        let gated: Meter = postcard::from_bytes(&bytes).map_err(engine)?;
        if gated == *direct {
            Ok(())
        } else {
            Err(engine("the two ways do not agree"))
        }
    }
}

/// A client's message of this type, in postcard, as the module gets it.
pub(crate) fn delivery<M: State>(sequence: u64, payload: &[u8]) -> Delivery<'_> {
    Delivery {
        sender: Sender::Client(ClientId::of("bench")).into(),
        sequence,
        schema: M::schema_id(),
        codec: Codec::Postcard,
        kind: DeliveryKind::Message,
        wants_reply: false,
        payload: payload.into(),
    }
}

pub(crate) fn engine(reason: impl ToString) -> BenchError {
    BenchError::Engine {
        reason: reason.to_string(),
    }
}
