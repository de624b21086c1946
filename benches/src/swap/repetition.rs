//! [`Repetition`]: one node's whole life around one swap, and the row that comes of it.

use super::code::{Libraries, load};
use super::load::{Load, Log, Window};
use super::node::{BenchNode, Swapped, table_id};
use super::row::{Phases, Row};
use super::{BenchClass, Cell, SwapOptions};
use crate::{BenchError, machine};
use refit_abi::EngineId;
use refit_abi::raw::Codec;
use refit_kernel::crew::{Crew, Reserve};
use refit_loader::{LoadedModule, Loader};
use refit_upgrade::{Armed, Directives, Plan, Verdict};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Engines that the load sends to, spread over all of them.
const TARGETS_MAX: u64 = 16;

/// From the start of the load to the first measurement: the load finds its rhythm.
const SETTLE: Duration = Duration::from_millis(10);

/// From the start of a window to what is measured in it, and from the end of that to its end.
const MARGIN: Duration = Duration::from_millis(20);

/// One cell, once.
#[derive(Debug)]
pub(super) struct Repetition<'a> {
    pub(super) cell: Cell,
    pub(super) number: u32,
    /// Whether the empty handshake comes before the swap.
    pub(super) handshake_first: bool,
    pub(super) options: &'a SwapOptions,
}

/// The armed upgrade, and the things to put away after it.
struct Staged {
    armed: Armed,
    crew: Crew,
    reserve: Reserve,
    module: LoadedModule,
    stage: Duration,
}

/// A swap that is over, old code included.
struct Measured {
    phases: Phases,
    window: Window,
    module: LoadedModule,
    pinned: u32,
}

/// An engine's summary: the part that the bench looks at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Summary {
    version: u32,
    entries: u64,
    checksum: u64,
    newest: u64,
    lost: u64,
    duplicated: u64,
    reordered: u64,
}

impl Repetition<'_> {
    /// Runs one repetition.
    pub(super) fn run(&self, loader: &Loader, libraries: &Libraries) -> Result<Row, BenchError> {
        // Before anything runs: what else the machine does, not what the bench does.
        let load1 = machine::load1()?;
        let (table, side) = (
            load(loader, &libraries.table)?,
            load(loader, &libraries.side)?,
        );
        let workers = self.options.workers;
        let mut node = BenchNode::start(&[table.module(), side.module()], workers)?;
        node.populate(self.cell)?;
        let targets = self.targets()?;
        let before = summary(&node, self.last()?)?;
        let load = Load::start(node.duty(), targets.clone(), self.options.rate_hz)?;
        // The first requests meet cold caches and threads that have just begun.
        std::thread::sleep(SETTLE);
        let mut handshake = Duration::ZERO;
        // Before in one half of the repetitions and after in the other: what warms up must not favour either.
        if self.handshake_first {
            handshake = empty_handshake(&mut node)?;
        }
        let rest_kib = machine::resident_kib()?;
        // The engines' own states are there by now: the peak is that of the upgrade.
        machine::reset_peak()?;
        let staged = self.stage(&node, loader, libraries)?;
        let (old, kept) = if self.cell.class == BenchClass::Carry {
            (side, table)
        } else {
            (table, side)
        };
        let stage = staged.stage;
        let measured = measure(&mut node, staged, old)?;
        let peak_kib = machine::peak_kib()?;
        if !self.handshake_first {
            handshake = empty_handshake(&mut node)?;
        }
        // Afterwards, when its length is known: both windows see as many requests.
        let control = control(measured.window);
        let log = load.stop()?;
        let faults = self.faults(&node, &targets, &log, &before)?;
        node.end()?;
        let ended = [kept, measured.module].map(LoadedModule::retire);
        let pinned = ended
            .iter()
            .filter(|retired| !retired.is_unmapped())
            .count() as u32;
        Ok(Row {
            cell: self.cell,
            repetition: self.number,
            workers,
            stage,
            phases: measured.phases,
            handshake,
            stall: log.stall(measured.window),
            control_stall: log.stall(control),
            latency: log.latency(measured.window),
            control_latency: log.latency(control),
            lost: faults.lost,
            duplicated: faults.duplicated,
            reordered: faults.reordered,
            refused: log.refused,
            mixed: log.mixed,
            pinned: measured.pinned + pinned,
            rss_rest_kib: rest_kib,
            rss_peak_kib: peak_kib,
            load1,
        })
    }

    /// Everything that is done before the pause.
    fn stage(
        &self,
        node: &BenchNode,
        loader: &Loader,
        libraries: &Libraries,
    ) -> Result<Staged, BenchError> {
        let start = Instant::now();
        let module = load(loader, libraries.replacement(self.cell.class))?;
        let (live, new) = (node.table()?, [module.module().clone()]);
        let plan = Plan::at_hand(&live, &new, &Directives::default())?;
        // Arming enters the new code, so on a thread that ends here.
        let armed = on_own_thread(move || Armed::new(&plan, &live, &new))??;
        let crew = node.next_crew()?;
        let reserve = node.reserve(&armed, self.cell);
        Ok(Staged {
            armed,
            crew,
            reserve,
            module,
            stage: start.elapsed(),
        })
    }

    /// Engines that the load sends to.
    fn targets(&self) -> Result<Vec<EngineId>, BenchError> {
        let count = self.cell.engines.min(TARGETS_MAX);
        (0..count)
            .map(|number| table_id(number * self.cell.engines / count))
            .collect()
    }

    fn last(&self) -> Result<EngineId, BenchError> {
        table_id(self.cell.engines - 1)
    }

    /// Compares the engines' own counts with the load; fails if an engine is not as the swap should have left it.
    fn faults(
        &self,
        node: &BenchNode,
        targets: &[EngineId],
        log: &Log,
        before: &Summary,
    ) -> Result<Summary, BenchError> {
        let last = summary(node, self.last()?)?;
        let version = self.cell.class.version_after();
        let mut sum = Summary {
            version,
            newest: 0,
            lost: 0,
            duplicated: 0,
            reordered: 0,
            ..*before
        };
        let shape = |of: &Summary| (of.version, of.entries, of.checksum);
        // A swap that does not do its work would be fast.
        if shape(&last) != shape(&sum) {
            let [expected, found] = [&sum, &last].map(|of| format!("{:x?}", shape(of)));
            return Err(BenchError::Wrong {
                engine: self.last()?,
                expected,
                found,
            });
        }
        for (target, sent) in targets.iter().zip(&log.sent) {
            let seen = summary(node, *target)?;
            sum.lost += seen.lost + sent.saturating_sub(seen.newest);
            sum.duplicated += seen.duplicated;
            sum.reordered += seen.reordered;
        }
        Ok(sum)
    }
}

/// Swaps in a window, and lets the old code go.
fn measure(
    node: &mut BenchNode,
    staged: Staged,
    old: LoadedModule,
) -> Result<Measured, BenchError> {
    let Staged {
        armed,
        crew,
        reserve,
        module,
        ..
    } = staged;
    let from = Instant::now();
    std::thread::sleep(MARGIN);
    let swapped = node.swap(Some(armed), crew)?;
    // After the pause: memory that goes back to the system is a system call.
    drop(reserve);
    let phases = phases(&swapped);
    if let Some(Verdict::Aborted { phase, failure }) = swapped.resumed.verdict {
        return Err(BenchError::Aborted { phase, failure });
    }
    // Inside of the window: what the sweep costs clients belongs to the swap.
    node.wait_until_swept()?;
    let pinned = u32::from(!old.retire().is_unmapped());
    std::thread::sleep(MARGIN);
    let window = Window {
        from,
        to: Instant::now(),
    };
    Ok(Measured {
        phases,
        window,
        module,
        pinned,
    })
}

/// Runs `work` on a thread of its own and joins it.
fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BenchError> {
    let thread = std::thread::Builder::new()
        .name("bench-arm".to_owned())
        .spawn(work)
        .map_err(|source| BenchError::Thread { source })?;
    let reason = "the arming thread panicked".to_owned();
    thread.join().map_err(|_| BenchError::Engine { reason })
}

/// The time without a block of a hand-over between two crews with nothing to do. It is prepared as a swap is, so
/// that the system finds the threads where it would find a swap's.
fn empty_handshake(node: &mut BenchNode) -> Result<Duration, BenchError> {
    // As a swap does for its arming, which leaves a thread's stack to be used again.
    on_own_thread(|| ())?;
    let crew = node.next_crew()?;
    std::thread::sleep(MARGIN);
    let swapped = node.swap(None, crew)?;
    Ok(phases(&swapped).without_block())
}

/// Lets the load run as long as in the window, with no swap.
fn control(like: Window) -> Window {
    std::thread::sleep(MARGIN);
    let from = Instant::now();
    std::thread::sleep(like.to - like.from);
    Window {
        from,
        to: Instant::now(),
    }
}

fn phases(swapped: &Swapped) -> Phases {
    let times = swapped.resumed.times;
    Phases {
        wait: times.closing - swapped.sent,
        quiesce: times.quiesced - times.closing,
        transition: times.transitioned - times.quiesced,
        commit: times.committed - times.transitioned,
        resume: times.resumed - times.committed,
        handover: swapped.handed_over - times.resumed,
    }
}

fn summary(node: &BenchNode, engine: EngineId) -> Result<Summary, BenchError> {
    let ask = move |executor: &mut refit_kernel::Executor| {
        executor.query(engine, Codec::Json, b"\"summary\"")
    };
    Ok(serde_json::from_slice(&node.call("answer", ask)??)?)
}
