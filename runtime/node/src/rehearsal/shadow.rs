//! The shadow replay: blocks that the node has executed, carried out once more in step by the live code and by the code
//! that comes, each on its own reading of a checkpoint; and which replies differ.
//!
//! The code that comes is brought in behind the checkpoint by a real upgrade, as in a rehearsal. Both see the same
//! entries at the same heights and times, under the same hashes: what differs is the code's doing.

use super::child::{Observer, defect, unable};
use super::perform::{load, table, unread, upgrade};
use super::wire::{Failed, Request, Stretch};
use crate::entries;
use refit_abi::host::{BlockFrame, Module, shown};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, codes};
use refit_admin::api::{ShadowDifference, ShadowReport};
use refit_kernel::{
    BlockInput, BlockOutcome, Duty, Executor, GenerationTable, ImageReader, Order, Replied, Wrong,
};
use refit_loader::ChildLoader;
use refit_ordering::{Block, SealedBlock};
use refit_store::open_file;
use refit_upgrade::{Armed, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time for the blocks, both codes together; what does not fit into it is left out, and said.
const REPLAY_TIME_MAX: Duration = Duration::from_secs(5);

/// Differences that are shown; all are counted.
const DIFFERENCES_SHOWN_MAX: usize = 20;

/// Bytes of a reply that are shown.
const REPLY_SHOWN_BYTES: usize = 256;

/// Bytes of the checkpoint that are read at once.
const AHEAD_BYTES: usize = 256 << 10;

/// No wait inside the child is longer than the parent's: it kills the child.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// Carries the blocks out by both codes.
pub(super) fn run(
    request: &Request,
    stretch: &Stretch,
    observer: &Observer,
) -> Result<Box<ShadowReport>, Failed> {
    // Nothing is unmapped here: the process ends.
    let loader = ChildLoader::new().map_err(|error| unable(&error))?;
    let old = load(&loader, &request.old)?;
    let new = load(&loader, &request.new)?;
    let new: Vec<Module> = new.iter().map(|loaded| loaded.module().clone()).collect();
    let reader = begin(stretch)?;
    let (header, grants) = (reader.header().clone(), reader.parameters().grants.clone());
    let table = table(request, &header, grants, &old)?;
    let live = Lane::park("live", request, read(reader, &table)?)?;
    let next = Lane::park("next", request, read(begin(stretch)?, &table)?)?;
    next.upgrade(request, &table, &new, observer)?;
    let mut shadow = Shadow {
        report: Box::new(ShadowReport {
            after: stretch.after,
            ..ShadowReport::default()
        }),
        different: BTreeMap::new(),
        poisoned: [BTreeSet::new(), BTreeSet::new()],
    };
    let began = Instant::now();
    for bytes in &stretch.blocks {
        if began.elapsed() >= REPLAY_TIME_MAX {
            shadow.report.ended = Some(format!(
                "they take longer than {} s",
                REPLAY_TIME_MAX.as_secs()
            ));
            break;
        }
        let mut of_next = input(bytes)?;
        let revived = next.revivable(&live, &of_next)?;
        of_next.orders.retain(|placed| match &placed.order {
            Order::Revive(revival) => revived.contains(&revival.engine),
            _ => true,
        });
        let outcomes = [live.execute(input(bytes)?)?, next.execute(of_next)?];
        shadow.compare(outcomes);
    }
    let kinds = live.kinds(shadow.different.keys().copied().collect())?;
    live.end();
    next.end();
    Ok(shadow.told(&kinds))
}

fn begin(stretch: &Stretch) -> Result<ImageReader<BufReader<File>>, Failed> {
    let file = open_file(&stretch.checkpoint).map_err(|error| Failed {
        code: codes::REHEARSAL_CUT.to_owned(),
        detail: format!("the checkpoint cannot be read: {error}"),
        next: "plan again: a newer one may have taken its place".to_owned(),
        engine: None,
        key: None,
    })?;
    let file = BufReader::with_capacity(AHEAD_BYTES, file);
    ImageReader::begin(file).map_err(|error| unread(&error))
}

fn read(
    reader: ImageReader<BufReader<File>>,
    table: &Arc<GenerationTable>,
) -> Result<Executor, Failed> {
    let copied = reader.executor(table.clone(), |_| ());
    Ok(copied.map_err(|error| unread(&error))?.executor)
}

/// A logged block as the executor takes it.
fn input(bytes: &[u8]) -> Result<BlockInput, Failed> {
    let SealedBlock { block, .. } =
        SealedBlock::from_bytes(bytes).map_err(|error| unable(&error))?;
    let hash = Block::hash_of(&block.to_bytes());
    let (height, time) = (block.header.height, block.header.time);
    let input = entries::input(block.entries, height).map_err(|error| unable(&error))?;
    let frame = BlockFrame { height, time, hash };
    Ok(BlockInput { frame, ..input })
}

/// One code, and the states that it goes on with.
struct Lane(Duty);

impl Lane {
    fn park(name: &str, request: &Request, executor: Executor) -> Result<Self, Failed> {
        let duty = Duty::park(name, request.workers).map_err(|error| unable(&error))?;
        duty.begin(executor);
        Ok(Self(duty))
    }

    /// Brings the code in that comes.
    fn upgrade(
        &self,
        request: &Request,
        table: &GenerationTable,
        new: &[Module],
        observer: &Observer,
    ) -> Result<(), Failed> {
        let armed = Armed::new(&request.plan, table, new);
        let armed = armed.map_err(|error| Failed::of(&error))?;
        *observer.lock() = Some(armed.under_way().clone());
        let next = self.0.next("new").map_err(|error| unable(&error))?;
        match upgrade(armed, &self.0, next)?.verdict {
            Some(Verdict::Committed(_)) => Ok(()),
            Some(Verdict::Aborted { failure, .. }) => Err(Failed::of(&failure)),
            None => Err(defect(&"the update point gave no verdict")),
        }
    }

    fn execute(&self, input: BlockInput) -> Result<BlockOutcome, Failed> {
        let outcome = self.0.execute(input).map_err(|silence| defect(&silence))?;
        outcome.recv().map_err(|_| defect(&"the crew has ended"))
    }

    /// The engines that an operator revived in the block, and whose state means here what it means to `live`: its bytes
    /// are of that code.
    fn revivable(&self, live: &Self, block: &BlockInput) -> Result<BTreeSet<EngineId>, Failed> {
        let orders = block.orders.iter();
        let revived = orders.filter_map(|placed| match &placed.order {
            Order::Revive(revival) => Some(revival.engine),
            _ => None,
        });
        let mut same = BTreeSet::new();
        for engine in revived {
            if self.schema(engine)? == live.schema(engine)? {
                same.insert(engine);
            }
        }
        Ok(same)
    }

    /// The schema of an engine's state, if there is one.
    fn schema(&self, engine: EngineId) -> Result<Option<SchemaId>, Failed> {
        let look = move |executor: &mut Executor| {
            let kind = executor.status_of(engine)?.kind;
            let table = executor.table();
            let entry = table.get(kind)?;
            Some(entry.kind.descriptor().schema)
        };
        self.0
            .ask(look, FOREVER)
            .map_err(|silence| defect(&silence))
    }

    /// The kinds of these engines.
    fn kinds(&self, of: BTreeSet<EngineId>) -> Result<BTreeMap<EngineId, String>, Failed> {
        let look = move |executor: &mut Executor| {
            let table = executor.table();
            let statuses = executor.statuses(usize::MAX).into_iter();
            let wanted = statuses.filter(|status| of.contains(&status.id));
            let named = wanted.filter_map(|status| {
                let entry = table.get(status.kind)?;
                Some((status.id, entry.kind.descriptor().kind.clone()))
            });
            named.collect()
        };
        self.0
            .ask(look, FOREVER)
            .map_err(|silence| defect(&silence))
    }

    fn end(self) {
        // If it does not answer any more the process ends all the same.
        let _ = self.0.ask(Executor::discard_engines, FOREVER);
        self.0.stop();
    }
}

/// What was compared up to now.
struct Shadow {
    report: Box<ShadowReport>,
    /// Replies that differ, by engine.
    different: BTreeMap<EngineId, u64>,
    /// Engines that panicked: under the live code, and under the code that comes.
    poisoned: [BTreeSet<EngineId>; 2],
}

impl Shadow {
    fn compare(&mut self, [live, new]: [BlockOutcome; 2]) {
        self.report.blocks += 1;
        for (poisoned, outcome) in self.poisoned.iter_mut().zip([&live, &new]) {
            let troubles = outcome.troubles.iter();
            let wrong = troubles.filter(|it| matches!(it.what, Wrong::Poisoned { .. }));
            poisoned.extend(wrong.map(|trouble| trouble.engine));
        }
        let first = |outcome: BlockOutcome| {
            let replies = outcome.replies.into_iter();
            replies.filter(|replied| !replied.repeated)
        };
        let new = first(new).map(|replied| (replied.asker, replied));
        let mut new: BTreeMap<_, Replied> = new.collect();
        for live in first(live) {
            let new = new.remove(&live.asker);
            self.one(&live, new.as_ref());
        }
        // Nobody but the new code answers these.
        for replied in new.into_values() {
            self.note(&replied, NONE.to_owned(), text(&replied));
        }
    }

    fn one(&mut self, live: &Replied, new: Option<&Replied>) {
        match new {
            Some(new) if new.outcome == live.outcome => self.report.same += 1,
            new => self.note(live, text(live), new.map_or_else(|| NONE.to_owned(), text)),
        }
    }

    fn note(&mut self, replied: &Replied, live: String, new: String) {
        *self.different.entry(replied.engine).or_default() += 1;
        if self.report.shown.len() < DIFFERENCES_SHOWN_MAX {
            self.report.shown.push(ShadowDifference {
                height: replied.height,
                engine: replied.engine.to_string(),
                live,
                new,
            });
        }
    }

    fn told(self, kinds: &BTreeMap<EngineId, String>) -> Box<ShadowReport> {
        let Self {
            mut report,
            different,
            poisoned: [live, new],
        } = self;
        for (engine, count) in different {
            let kind = kinds.get(&engine).cloned();
            *report
                .different
                .entry(kind.unwrap_or_default())
                .or_default() += count;
        }
        report.poisoned = new.difference(&live).map(ToString::to_string).collect();
        report
    }
}

/// In the place of a reply that there is not in this block.
const NONE: &str = "(no reply in this block)";

/// A reply as people read it.
fn text(replied: &Replied) -> String {
    let said = match &replied.outcome {
        Ok(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Err(error) => error.to_string(),
    };
    shown(&said, REPLY_SHOWN_BYTES)
}
