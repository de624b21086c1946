//! [`Queue`]: what was handed over and is not durable: blocks in their order, and orders behind them.

use crate::{Fault, Keep, NewBranch, RecordChange};
use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};
use refit_abi::Height;
use std::collections::VecDeque;
use std::sync::Arc;

/// Most bytes of blocks that wait to become durable; who appends more waits.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Most blocks that wait to become durable.
const WAITING_BLOCKS_MAX: usize = 4_096;

/// Most bytes of blocks that one commit takes; one block may have more.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// Most orders that one commit takes.
const GROUP_ORDERS_MAX: usize = 256;

/// What is written with the blocks; its owner waits for it.
pub(super) struct Order {
    pub(super) what: What,
    /// The last block before it.
    after: Height,
    pub(super) done: Sender<Result<u64, Fault>>,
}

pub(super) enum What {
    /// A record of the journal; its index is told.
    Journal(Vec<u8>),
    Records(Vec<RecordChange>),
    /// A checkpoint whose file has its name.
    Keep {
        number: u64,
        keep: Keep,
    },
    /// A checkpoint that cannot be read goes.
    Drop {
        number: u64,
    },
    /// The last block goes, and becomes a record.
    SetAside {
        height: Height,
    },
    /// The blocks behind one go, and become the old branch.
    Branch(NewBranch),
}

/// What one commit takes.
pub(super) struct Group {
    /// The height of the first block.
    pub(super) first: Height,
    pub(super) blocks: Vec<Arc<[u8]>>,
    pub(super) orders: Vec<Order>,
}

#[derive(Default)]
struct Waiting {
    /// The last block that was appended.
    last: Height,
    /// Those that are not durable, up to the last one; a commit takes some and leaves them here until it is done.
    blocks: VecDeque<Arc<[u8]>>,
    bytes: usize,
    orders: VecDeque<Order>,
    ended: bool,
    fault: Option<Fault>,
}

impl Waiting {
    /// The newest durable block.
    fn durable(&self) -> u64 {
        self.last.0 - self.blocks.len() as u64
    }

    fn is_full(&self) -> bool {
        self.bytes > WAITING_BYTES_MAX || self.blocks.len() >= WAITING_BLOCKS_MAX
    }
}

/// Between those who write and the thread that commits.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// There is something to commit, or the end.
    work: Condvar,
    /// There is room again, or a fault.
    room: Condvar,
}

impl Queue {
    /// Behind this block.
    pub(super) fn after(last: Height) -> Self {
        let queue = Self::default();
        queue.waiting.lock().last = last;
        queue
    }

    /// Appends a block, unless it does not follow: gives the height that would.
    pub(super) fn append(
        &self,
        height: Height,
        block: Arc<[u8]>,
    ) -> Result<Result<(), Height>, Fault> {
        let mut waiting = self.waiting.lock();
        while waiting.is_full() && waiting.fault.is_none() {
            self.room.wait(&mut waiting);
        }
        if let Some(fault) = &waiting.fault {
            return Err(fault.clone());
        }
        let expected = waiting.last.next();
        if height != expected {
            return Ok(Err(expected));
        }
        waiting.last = height;
        waiting.bytes += block.len();
        waiting.blocks.push_back(block);
        drop(waiting);
        self.work.notify_one();
        Ok(Ok(()))
    }

    /// Has something written behind the blocks that were appended by now.
    pub(super) fn order(&self, what: What, done: Sender<Result<u64, Fault>>) -> Result<(), Fault> {
        let mut waiting = self.waiting.lock();
        if let Some(fault) = &waiting.fault {
            return Err(fault.clone());
        }
        let after = waiting.last;
        waiting.orders.push_back(Order { what, after, done });
        drop(waiting);
        self.work.notify_one();
        Ok(())
    }

    /// A block that is not durable yet.
    pub(super) fn block(&self, height: Height) -> Option<Arc<[u8]>> {
        let waiting = self.waiting.lock();
        let place = height.0.checked_sub(waiting.durable() + 1)?;
        waiting.blocks.get(usize::try_from(place).ok()?).cloned()
    }

    pub(super) fn last(&self) -> Height {
        self.waiting.lock().last
    }

    pub(super) fn durable(&self) -> Height {
        Height(self.waiting.lock().durable())
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.waiting.lock().fault.clone()
    }

    /// Waits for something to commit; `None` at the end, when all is committed. Does not wait if there is `more` to
    /// do without.
    pub(super) fn next(&self, more: bool) -> Option<Group> {
        let mut waiting = self.waiting.lock();
        loop {
            let is_idle = waiting.blocks.is_empty() && waiting.orders.is_empty();
            match is_idle {
                true if waiting.ended => return None,
                true if !more => self.work.wait(&mut waiting),
                _ => break,
            }
        }
        let first = Height(waiting.durable() + 1);
        let mut bytes = 0;
        let fits = |block: &&Arc<[u8]>| {
            let is_first = bytes == 0;
            bytes += block.len().max(1);
            is_first || bytes <= GROUP_BYTES_MAX
        };
        let blocks: Vec<_> = waiting.blocks.iter().take_while(fits).cloned().collect();
        let through = waiting.durable() + blocks.len() as u64;
        let ready = waiting.orders.iter().take(GROUP_ORDERS_MAX);
        let ready = ready.take_while(|order| order.after.0 <= through).count();
        let orders = waiting.orders.drain(..ready).collect();
        Some(Group {
            first,
            blocks,
            orders,
        })
    }

    /// So many blocks are durable now.
    pub(super) fn committed(&self, blocks: usize) {
        let mut waiting = self.waiting.lock();
        let gone: usize = waiting
            .blocks
            .drain(..blocks)
            .map(|block| block.len())
            .sum();
        waiting.bytes -= gone;
        drop(waiting);
        self.room.notify_all();
    }

    /// The blocks behind `last`, which were durable, are no more.
    pub(super) fn rewind(&self, last: Height) {
        let mut waiting = self.waiting.lock();
        if waiting.last > last && waiting.blocks.is_empty() {
            waiting.last = last;
        }
    }

    /// Nothing that waits becomes durable, and nothing more is taken.
    pub(super) fn fail(&self, fault: Fault) {
        let mut waiting = self.waiting.lock();
        for order in waiting.orders.drain(..) {
            // Its owner may have gone.
            let _ = order.done.send(Err(fault.clone()));
        }
        waiting.fault.get_or_insert(fault);
        drop(waiting);
        self.room.notify_all();
    }

    /// What waits is committed, and then the thread ends.
    pub(super) fn end(&self) {
        self.waiting.lock().ended = true;
        self.work.notify_one();
    }
}
