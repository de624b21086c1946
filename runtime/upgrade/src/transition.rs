//! The transitions of one upgrade: run on the old crew, in parallel over chunks, each reading one
//! engine's old state and putting what is new beside it.

use crate::class::Class;
use crate::phase::Failure;
use crate::under_way::UnderWay;
use parking_lot::Mutex;
use refit_abi::host::{Bus, CallError, Instance, Kind, Migration};
use refit_abi::{EngineId, Height};
use refit_kernel::{Chunk, KindIndex, LogLine, Next, SlotView};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the pause has to do for the engines of one kind.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) index: KindIndex,
    pub(crate) class: Class,
    pub(crate) old: Kind,
    pub(crate) new: Kind,
    pub(crate) step: Option<Migration>,
}

/// All transitions of one upgrade.
#[derive(Debug)]
pub(crate) struct Transition {
    work: Arc<Vec<Work>>,
    height: Height,
    under_way: Arc<UnderWay>,
    cancelled: AtomicBool,
    /// Of the failures that were seen before the cancellation took hold, the one of the least id.
    failure: Mutex<Option<(EngineId, Failure)>>,
    lines: Mutex<Vec<LogLine>>,
}

/// Log lines of one upgrade's transitions that are kept.
const TRANSITION_LINES_MAX: usize = 1_024;

impl Transition {
    pub(crate) fn new(work: Arc<Vec<Work>>, height: Height, under_way: Arc<UnderWay>) -> Self {
        Self {
            work,
            height,
            under_way,
            cancelled: AtomicBool::new(false),
            failure: Mutex::new(None),
            lines: Mutex::new(Vec::new()),
        }
    }

    /// Runs the transitions of one chunk's engines, until one fails anywhere.
    pub(crate) fn visit(&self, chunk: &mut Chunk) {
        let here = self.under_way.begin();
        for item in self.work.iter() {
            for mut slot in chunk.live(item.index) {
                if self.cancelled.load(Ordering::Acquire) {
                    return;
                }
                here.at(slot.id());
                if let Err(failure) = self.cross(item, &mut slot) {
                    self.fail(slot.id(), failure);
                    return;
                }
            }
        }
    }

    pub(crate) fn take_failure(&self) -> Option<Failure> {
        self.failure.lock().take().map(|(_, failure)| failure)
    }

    /// What the transitions logged, by engine.
    pub(crate) fn take_lines(&self) -> Vec<LogLine> {
        let mut lines = std::mem::take(&mut *self.lines.lock());
        lines.sort_by_key(|line| line.engine);
        lines
    }

    fn fail(&self, engine: EngineId, failure: Failure) {
        self.cancelled.store(true, Ordering::Release);
        let mut first = self.failure.lock();
        if first.as_ref().is_none_or(|(other, _)| engine < *other) {
            *first = Some((engine, failure));
        }
    }

    fn cross(&self, item: &Work, slot: &mut SlotView<'_>) -> Result<(), Failure> {
        let engine = slot.id();
        let failed = |error| Failure::Transition { engine, error };
        let Some(old) = slot.instance() else {
            return Ok(());
        };
        let next = match (item.class, &item.step) {
            (Class::Translate, step) => {
                let whole = self
                    .translate(item, step.as_ref(), engine, old)
                    .map_err(failed)?;
                if let Err(error) = item.new.check(&whole) {
                    let _ = item.new.discard(whole);
                    return Err(Failure::Check { engine, error });
                }
                Next::Whole(whole)
            }
            (_, Some(step)) => Next::Prepared(self.prepare(step, engine, old)?),
            (_, None) => return Err(failed(CallError::WrongState)),
        };
        slot.set_next(next);
        Ok(())
    }

    fn prepare(
        &self,
        step: &Migration,
        engine: EngineId,
        old: &Instance,
    ) -> Result<refit_abi::host::Prepared, Failure> {
        let mut bus = TransitionBus {
            transition: self,
            engine,
        };
        let prepared = step
            .prepare(engine, self.height, old, &mut bus)
            .map_err(|error| Failure::Transition { engine, error })?;
        if let Err(error) = step.check(&prepared) {
            step.discard(prepared);
            return Err(Failure::Check { engine, error });
        }
        Ok(prepared)
    }

    /// The old state as bytes, read by the new code; through its step if the schema changed.
    fn translate(
        &self,
        item: &Work,
        step: Option<&Migration>,
        engine: EngineId,
        old: &Instance,
    ) -> Result<Instance, CallError> {
        let mut bytes = Vec::new();
        item.old.encode(old, &mut bytes)?;
        if item.old.descriptor().schema == item.new.descriptor().schema {
            return item.new.decode(&bytes);
        }
        let step = step.ok_or(CallError::WrongState)?;
        let copy = step.decode_old(&bytes)?;
        let mut bus = TransitionBus {
            transition: self,
            engine,
        };
        match step.prepare(engine, self.height, &copy, &mut bus) {
            Ok(prepared) => match step.settle(copy, prepared) {
                Ok(Some(new)) => Ok(new),
                Ok(None) | Err(_) => Err(CallError::WrongState),
            },
            Err(error) => {
                let _ = step.discard_old(copy);
                Err(error)
            }
        }
    }
}

/// The node's side of the bus: a transition sees that it was cancelled, and its log lines are kept
/// until the upgrade has ended.
struct TransitionBus<'a> {
    transition: &'a Transition,
    engine: EngineId,
}

impl Bus for TransitionBus<'_> {
    fn cancelled(&self) -> bool {
        self.transition.cancelled.load(Ordering::Acquire)
    }

    fn log(&mut self, level: u8, line: &str) {
        let mut lines = self.transition.lines.lock();
        if lines.len() < TRANSITION_LINES_MAX {
            lines.push(LogLine {
                engine: self.engine,
                level,
                line: line.to_owned(),
            });
        }
    }
}
