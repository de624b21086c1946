//! [`BenchNode`]: as much of a node as a swap needs: an executor and the crew on duty.

use super::Cell;
use super::point::{Point, Resumed};
use crate::BenchError;
use crossbeam_channel::{RecvTimeoutError, bounded};
use refit_abi::EngineId;
use refit_abi::host::{BlockFrame, Module};
use refit_kernel::crew::{Crew, OnDuty, Reserve};
use refit_kernel::{Configuration, Duty, Executor, GenerationTable, replaced};
use refit_upgrade::Armed;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the crew may take for one step.
pub(crate) const STEP_MAX: Duration = Duration::from_secs(600);

/// Memory of one entry of `table` in its shape by hand, in bytes: 40 in a node of eleven, and its part of the nodes
/// above; measured as peak less rest of 1,000 tables of 1,000.
const NEW_ENTRY_BYTES: u64 = 45;

/// Memory of such a table without entries, in bytes: its box, what its node has room for beside them.
const NEW_ENGINE_BYTES: u64 = 256;

/// The name of the crews' threads.
const CREW_NAME: &str = "bench-crew";

/// Between two looks at the sweep.
const SWEEP_LOOK: Duration = Duration::from_millis(1);

/// An executor and the crew on duty.
#[derive(Debug)]
pub(crate) struct BenchNode {
    duty: Arc<Duty>,
}

/// An update point with all that it needs, and since when it waits.
#[derive(Debug)]
pub(crate) struct Swapped {
    pub(crate) sent: Instant,
    pub(crate) resumed: Resumed,
    /// The fresh crew has the executor.
    pub(crate) handed_over: Instant,
}

impl BenchNode {
    /// A node with this code and no engines.
    pub(crate) fn start(modules: &[&Module], workers: usize) -> Result<Self, BenchError> {
        let kinds = modules.iter().flat_map(|module| module.kinds()).collect();
        let executor = Executor::new(GenerationTable::first(kinds));
        let duty = Duty::start(CREW_NAME, workers, executor).map_err(no_thread)?;
        Ok(Self {
            duty: Arc::new(duty),
        })
    }

    /// The crew that executes blocks.
    pub(crate) fn duty(&self) -> Arc<Duty> {
        self.duty.clone()
    }

    /// Starts the cell's engines and one of kind `side`.
    pub(crate) fn populate(&self, cell: Cell) -> Result<(), BenchError> {
        self.populate_tables(cell)?;
        let start = move |executor: &mut Executor| -> Result<(), BenchError> {
            let (frame, config) = (BlockFrame::default(), Configuration::json(b"{}".as_slice()));
            Ok(executor.start(EngineId::root("side")?, "side", config, frame)?)
        };
        self.call("start an engine", start)?
    }

    /// Starts the cell's engines alone.
    pub(crate) fn populate_tables(&self, cell: Cell) -> Result<(), BenchError> {
        let start = move |executor: &mut Executor| -> Result<(), BenchError> {
            let frame = BlockFrame::default();
            let config = format!("{{\"entries\":{}}}", cell.entries);
            for number in 0..cell.engines {
                let config = Configuration::json(config.as_bytes());
                executor.start(table_id(number)?, "table", config, frame)?;
            }
            Ok(())
        };
        self.call("start the engines", start)?
    }

    /// Does something between two blocks, on the crew.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        call: impl FnOnce(&mut Executor) -> T + Send + 'static,
    ) -> Result<T, BenchError> {
        self.duty.ask(call, STEP_MAX).map_err(|_| stuck(what))
    }

    /// The code that is live.
    pub(crate) fn table(&self) -> Result<Arc<GenerationTable>, BenchError> {
        self.call("show its table", |executor| executor.table())
    }

    /// A crew that waits for its turn.
    pub(crate) fn next_crew(&self) -> Result<Crew, BenchError> {
        self.duty.next(CREW_NAME).map_err(no_thread)
    }

    /// Memory for the new states, taken before the pause as a node takes it. A node knows from its rehearsal how much
    /// that is; here it is known from the table's new row.
    pub(crate) fn reserve(&self, armed: &Armed, cell: Cell) -> Reserve {
        if !armed.copies() {
            return Reserve::default();
        }
        let bytes = cell.engines * (cell.entries * NEW_ENTRY_BYTES + NEW_ENGINE_BYTES);
        self.duty.reserve(bytes, STEP_MAX)
    }

    /// Brings the upgrade, or nothing, to the next update point; `crew` takes over, the one before is
    /// joined.
    pub(crate) fn swap(
        &mut self,
        armed: Option<Armed>,
        mut crew: Crew,
    ) -> Result<Swapped, BenchError> {
        // Before the crew is handed over, with which its end of the channel goes.
        let on_duty = crew.on_duty();
        let (listener, resumed) = bounded(1);
        let point = Box::new(Point::new(armed, listener));
        let sent = Instant::now();
        let before = self.duty.hand_over(point, crew);
        let before = before.map_err(|_| stuck("take the upgrade"))?;
        let resumed = resumed
            .recv_timeout(STEP_MAX)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected => stuck("swap"),
            })?;
        let took_over = on_duty.and_then(OnDuty::wait);
        let handed_over = took_over.map(|took_over| took_over.came);
        let handed_over = handed_over.ok_or_else(|| stuck("hand over"))?;
        if let Some(before) = before {
            before.join();
        }
        Ok(Swapped {
            sent,
            resumed,
            handed_over,
        })
    }

    /// Waits until no state of the generation before is left.
    pub(crate) fn wait_until_swept(&self) -> Result<(), BenchError> {
        let deadline = Instant::now() + STEP_MAX;
        while self.call("look at its sweep", |executor| executor.is_sweeping())? {
            if Instant::now() > deadline {
                return Err(stuck("sweep"));
            }
            std::thread::sleep(SWEEP_LOOK);
        }
        let replaced = self.call("take what it has replaced", Executor::take_replaced)?;
        replaced::discard(replaced).map_err(|_| stuck("drop what it has replaced"))
    }

    /// Ends all engines with the code that made them, then the crew.
    pub(crate) fn end(self) -> Result<(), BenchError> {
        self.call("end the engines", Executor::discard_engines)?;
        self.duty.stop();
        Ok(())
    }
}

fn no_thread(source: std::io::Error) -> BenchError {
    BenchError::Thread { source }
}

fn stuck(what: &'static str) -> BenchError {
    BenchError::Stuck {
        what,
        seconds: STEP_MAX.as_secs(),
    }
}

/// The id of the `number`-th table.
pub(crate) fn table_id(number: u64) -> Result<EngineId, BenchError> {
    Ok(EngineId::root(&format!("table-{number}"))?)
}
