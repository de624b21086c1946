//! [`Blocks`]: decides one block after the other with no gap between them, and notes how long each takes.
//!
//! A block begins when it is pushed, which is when the one before was executed, and ends when its source hears that it
//! was executed: a fork between the two is in it.

use super::CheckpointCell;
use crate::swap::node::table_id;
use refit_abi::host::{Ingress, Share};
use refit_abi::raw::Codec;
use refit_abi::{BlockTime, ClientId, EngineId};
use refit_ordering::{
    Block, BlockRefused, BlockSource, Decided, Entry, Ground, Mempool, Message, Outlet,
};
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Rows that one block changes, each on a page of its own.
pub(super) const WRITES: u64 = 256;

/// Rows between two that a block changes: a page has about 160 of them.
const STEP: u64 = 163;

/// Bytes of a message that only makes the log longer. JSON may have any space around it.
const PADDING_BYTES: usize = 1 << 20;

/// The field of `/proc/self/stat`, counted behind the name, that has the faults for which nothing was read.
const FAULTS_FIELD: usize = 7;

/// What the next block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// None.
    Nothing,
    /// It writes pages.
    Writes,
    /// So many blocks make the log longer; then they write pages again.
    Padding(u32),
}

/// A block that was executed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) writes: bool,
    pub(super) began: Instant,
    pub(super) took: Duration,
    /// Pages that this process was the first to write, or to write again after a fork.
    pub(super) faults: u64,
}

/// Says what comes next, and what was seen.
#[derive(Clone)]
pub(super) struct Blocks {
    state: Arc<Mutex<State>>,
}

struct State {
    cell: CheckpointCell,
    ids: Vec<EngineId>,
    /// Rows that were changed so far.
    written: u64,
    next: Next,
    outlet: Option<Arc<dyn Outlet>>,
    /// The ground of the next block, if the one before is executed.
    ground: Option<Ground>,
    under_way: Option<UnderWay>,
    seen: Vec<Seen>,
}

struct UnderWay {
    writes: bool,
    began: Instant,
    faults: u64,
}

impl Blocks {
    pub(super) fn of(cell: CheckpointCell) -> Result<Self, crate::BenchError> {
        let ids = (0..cell.engines).map(table_id).collect::<Result<_, _>>()?;
        let state = State {
            cell,
            ids,
            written: 0,
            next: Next::Nothing,
            outlet: None,
            ground: None,
            under_way: None,
            seen: Vec::new(),
        };
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// From now on blocks are these.
    pub(super) fn go_on_with(&self, next: Next) {
        let mut state = self.lock();
        state.next = next;
        state.push();
    }

    /// How many blocks were seen since they were taken.
    pub(super) fn count(&self) -> usize {
        self.lock().seen.len()
    }

    /// Whether a block is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().under_way.is_some()
    }

    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.lock().seen)
    }

    pub(super) fn source(&self) -> Box<dyn BlockSource> {
        Box::new(Source {
            blocks: self.clone(),
            pool: Arc::new(Mempool::closed()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn executed(&mut self, ground: &Ground, now: Instant) {
        // Told again for the same height if something else happens there.
        if let Some(UnderWay {
            writes,
            began,
            faults,
        }) = self.under_way.take()
        {
            self.seen.push(Seen {
                writes,
                began,
                took: now - began,
                faults: faults_of_this_process().saturating_sub(faults),
            });
        }
        self.ground = Some(ground.clone());
        self.push();
    }

    fn push(&mut self) {
        let entries = match self.next {
            _ if self.ground.is_none() => return,
            Next::Nothing => return,
            Next::Writes => self.writes(),
            Next::Padding(left) => {
                self.next = left.checked_sub(1).map_or(Next::Writes, Next::Padding);
                vec![self.entry(0, padding())]
            }
        };
        let writes = self.next == Next::Writes;
        let (Some(outlet), Some(ground)) = (&self.outlet, self.ground.take()) else {
            return;
        };
        let block = ground.extend(BlockTime(ground.tip.time.0), entries);
        self.under_way = Some(UnderWay {
            writes,
            faults: faults_of_this_process(),
            began: Instant::now(),
        });
        // The block before is executed, so nothing waits there; a node that has ended executes none.
        let _ = outlet.push(Decided::from_elsewhere(block));
    }

    /// The messages of a block that changes rows which no block changed before, until all were.
    fn writes(&mut self) -> Vec<Entry> {
        let engines = self.cell.engines;
        let messages = engines.min(WRITES);
        let each = WRITES / messages;
        let message = |number: u64| {
            let place = self.written + number * each;
            // Each engine's rows in their order, the engines in turns.
            let (engine, first) = (place / each % engines, place / engines * STEP);
            let text =
                format!("{{\"touch\":{{\"first\":{first},\"step\":{STEP},\"count\":{each}}}}}");
            self.entry(engine, text.into_bytes())
        };
        let entries = (0..messages).map(message).collect();
        self.written += messages * each;
        entries
    }

    fn entry(&self, engine: u64, payload: Vec<u8>) -> Entry {
        let engine = usize::try_from(engine).unwrap_or_default();
        Entry::Message(Message {
            ingress: Ingress {
                engine: self.ids[engine],
                client: ClientId::of("bench"),
                share: Share::default(),
                sequence: None,
                codec: Codec::Json,
                payload,
            },
            authenticator: Vec::new(),
        })
    }
}

fn padding() -> Vec<u8> {
    let mut text = b"{\"note\":{\"number\":1}}".to_vec();
    text.resize(PADDING_BYTES, b' ');
    text
}

/// Pages that were first written, of all threads.
fn faults_of_this_process() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may have anything in it.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let field = fields.split(' ').nth(FAULTS_FIELD);
    field.and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// The source that a node is given.
struct Source {
    blocks: Blocks,
    pool: Arc<Mempool>,
}

impl BlockSource for Source {
    fn mempool(&self) -> &Arc<Mempool> {
        &self.pool
    }

    fn begin(&mut self, outlet: Arc<dyn Outlet>) {
        self.blocks.lock().outlet = Some(outlet);
    }

    fn validate(&self, _: &Block, _: BlockTime) -> Result<(), BlockRefused> {
        Ok(())
    }

    fn executed(&mut self, ground: &Ground) {
        let now = Instant::now();
        self.blocks.lock().executed(ground, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_by_the_page() {
        const PAGES: usize = 512;
        let before = faults_of_this_process();
        let block = std::hint::black_box(vec![1_u8; PAGES * 4_096]);
        let faults = faults_of_this_process() - before;
        drop(block);
        // Pages may be large, and other tests run beside this one.
        assert!(faults > 0);
    }
}
