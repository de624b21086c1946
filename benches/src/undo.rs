//! Measures what it costs an engine that takes back what a panic has half done (`Engine::ROLLBACK`): the copy of the
//! state, once for each batch, spread over its messages. The same engine three times: without, with a copy by `Clone`, with a copy by its bytes.

use crate::gate::{delivery, engine};
use crate::meter::Nothing;
use crate::{BenchError, Spread};
use refit_abi::host::{BlockFrame, HandleContext, Instance, Kind, Module, NoServices};
use refit_abi::raw::{CallStatus, Codec, Delivery};
use refit_abi::{Context, Deserialize, Engine, EngineId, Fault, Sender, Serialize, State};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// Messages of a batch.
const BATCH: usize = 32;

/// Entries of the states that are measured.
const ENTRIES: [u64; 3] = [0, 100, 10_000];

/// Batches of one stretch.
const ROUNDS: u64 = 20;

/// One size of state; ns for each message, in batches of 32.
#[derive(Clone, Debug, Serialize)]
pub struct UndoReport {
    /// Entries of the state, each of two numbers.
    pub entries: u64,
    /// Without rolling back.
    pub plain_ns: Spread,
    /// With a copy by `Clone`.
    pub cloned_ns: Spread,
    /// With a copy by the state's bytes.
    pub encoded_ns: Spread,
}

macro_rules! table {
    ($(#[$derive:meta])* $name:ident, $kind:literal, $rollback:literal) => {
        $(#[$derive])*
        #[derive(State, Serialize, Deserialize)]
        struct $name {
            entries: BTreeMap<u64, u64>,
        }

        impl Engine for $name {
            const KIND: &'static str = $kind;
            const ROLLBACK: bool = $rollback;
            type Config = u64;
            type Message = u64;
            type Reply = Nothing;
            type Query = Nothing;
            type Answer = Nothing;

            fn init(entries: u64, _: &mut Context<'_>) -> Result<Self, Fault> {
                let entries = (0..=entries).map(|number| (number, number)).collect();
                Ok(Self { entries })
            }

            fn handle(&mut self, _: &mut Context<'_>, _: Sender, by: u64) -> Result<Nothing, Fault> {
                if let Some(value) = self.entries.get_mut(&0) {
                    *value = value.wrapping_add(by);
                }
                Ok(Nothing {})
            }

            fn query(&self, _: Nothing) -> Result<Nothing, Fault> {
                Ok(Nothing {})
            }
        }
    };
}
table!(Plain, "plain", false);
table!(
    #[derive(Clone)]
    Cloned,
    "cloned",
    true
);
table!(Encoded, "encoded", true);
refit_abi::export_engines!(Plain, Cloned, Encoded);

/// An engine and what it handles.
struct Table {
    kind: Kind,
    instance: Instance,
}

impl Table {
    fn new(module: &Module, kind: &str, entries: u64) -> Result<Self, BenchError> {
        let kind = module
            .kind(kind)
            .ok_or_else(|| engine(format!("it has no kind `{kind}`")))?;
        let (id, frame) = (EngineId::root("table")?, BlockFrame::default());
        let config = entries.to_string();
        let config = (Codec::Json, config.as_bytes());
        let instance = kind
            .init(id, config, frame, &mut NoServices)
            .map_err(engine)?;
        Ok(Self { kind, instance })
    }

    /// ns for each message of one stretch.
    fn stretch(&mut self, batch: &[Delivery<'_>]) -> Result<f64, BenchError> {
        let id = EngineId::root("table")?;
        let start = Instant::now();
        for round in 0..ROUNDS {
            let mut services = NoServices;
            let mut context = HandleContext::new(id, BlockFrame::default(), round, &mut services);
            let batch = black_box(batch);
            let outcome = self.kind.handle(&mut self.instance, batch, &mut context);
            if outcome.is_none_or(|outcome| outcome.status != CallStatus::Ok) {
                return Err(engine("it did not handle the batch"));
            }
        }
        Ok(start.elapsed().as_nanos() as f64 / (ROUNDS * BATCH as u64) as f64)
    }

    fn discard(self) {
        // Linked in, it may be dropped by the same table.
        let _ = self.kind.discard(self.instance);
    }
}

/// Measures all sizes; the ways take turns.
pub(crate) fn measure(repetitions: u32) -> Result<Vec<UndoReport>, BenchError> {
    let module = Module::linked(module()).map_err(engine)?;
    let payload = postcard::to_allocvec(&1_u64).map_err(engine)?;
    let batch = [delivery::<u64>(0, &payload); BATCH];
    let measure = |entries| {
        let mut tables = ["plain", "cloned", "encoded"]
            .into_iter()
            .map(|kind| Table::new(&module, kind, entries))
            .collect::<Result<Vec<_>, _>>()?;
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..repetitions {
            for (table, times) in tables.iter_mut().zip(&mut times) {
                times.push(table.stretch(&batch)?);
            }
        }
        tables.into_iter().for_each(Table::discard);
        let [plain_ns, cloned_ns, encoded_ns] = times.map(Spread::of);
        Ok(UndoReport {
            entries,
            plain_ns,
            cloned_ns,
            encoded_ns,
        })
    };
    ENTRIES.into_iter().map(measure).collect()
}
