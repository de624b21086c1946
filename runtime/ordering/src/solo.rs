//! [`Solo`]: one node orders for itself what its clients send.
//!
//! A block is made when there is something to do: a message waits that may be admitted, a mailbox holds one, or a
//! timer's time has come. If all that is waited for is a height, an empty block is made each idle interval: a height
//! far ahead costs next to nothing, and still comes. The block after an upgrade waits for no interval.
//!
//! What an operator orders gets a block as soon as none runs, before the messages that wait, and in front of them.
//!
//! A message that finds no block under way gets one at once, so that a client alone waits for nothing but its own
//! block. A block costs more than a message, though: once as many messages of one interval were admitted as tell of
//! many clients, the next block fills until the interval is over. So clients that are few see no interval, and many
//! share their blocks as if there were nothing else.
//!
//! While more than the backlog mark of messages wait in mailboxes, blocks are made to work them off and admit a share
//! of what they may; the pool fills, and clients are refused. The share is there whatever the backlog is: an engine
//! whose messages never end shuts nobody out.

use crate::{
    Block, BlockRefused, BlockSource, Decided, Due, ENTRIES_PER_BLOCK_MAX, Entry, Ground, Mempool,
    ORDERS_MAX, Outlet, PoolBounds, Seal,
};
use refit_abi::BlockTime;
use std::fmt;
use std::sync::Arc;

/// Default time in which blocks fill, in milliseconds.
pub const BLOCK_INTERVAL_MILLIS: u64 = 2;

/// Longest time in which blocks may be let fill, in milliseconds.
pub const BLOCK_INTERVAL_MILLIS_MAX: u64 = 60_000;

/// Default time between two blocks of a node that only waits for a height, in milliseconds.
pub const IDLE_INTERVAL_MILLIS: u64 = 1_000;

/// Default most client messages in a block.
pub const MESSAGES_PER_BLOCK_MAX: usize = 8192;

/// Default number of messages in one interval up to which each gets its block at once.
pub const AT_ONCE_MESSAGES: usize = 16;

/// Default number of messages in mailboxes above which a block admits only a share of what it may.
pub const BACKLOG_MARK: usize = 65_536;

/// A block admits this part of what it may, however many messages wait in mailboxes: those that engines keep going
/// shut out no client.
const BACKLOG_SHARE: usize = 8;

/// How a [`Solo`] makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoloConfig {
    /// Time in which a block fills while there are many messages, in milliseconds of the driver's clock.
    pub block_interval_millis: u64,
    /// Messages of one such interval up to which blocks are made at once; with 0 every block waits.
    pub at_once_messages: usize,
    /// Time between two blocks that are made only because a height is awaited, in milliseconds of the driver's clock;
    /// less than the block interval counts as that.
    pub idle_interval_millis: u64,
    /// Most client messages in a block; 0 counts as 1, more than [`ENTRIES_PER_BLOCK_MAX`] as that.
    pub messages_per_block: usize,
    /// The most that may wait for a block; no block has more bytes of payload.
    pub pool: PoolBounds,
    /// With more messages than this in mailboxes, a block admits only an eighth of what it may, and at least one.
    pub backlog_mark: usize,
}

impl Default for SoloConfig {
    fn default() -> Self {
        Self {
            block_interval_millis: BLOCK_INTERVAL_MILLIS,
            at_once_messages: AT_ONCE_MESSAGES,
            idle_interval_millis: IDLE_INTERVAL_MILLIS,
            messages_per_block: MESSAGES_PER_BLOCK_MAX,
            pool: PoolBounds::default(),
            backlog_mark: BACKLOG_MARK,
        }
    }
}

/// Orders the messages that it is offered, first come first served.
pub struct Solo {
    config: SoloConfig,
    pool: Arc<Mempool>,
    outlet: Option<Arc<dyn Outlet>>,
    ground: Ground,
    /// A block is decided and not executed, or the ground of the first one is not known yet.
    busy: bool,
    /// The driver's clock when the last block was decided. Block time may be ahead of it.
    decided_at: Option<BlockTime>,
    filling: Filling,
}

/// The messages admitted since a block was last left to fill.
#[derive(Clone, Copy, Debug, Default)]
struct Filling {
    /// The driver's clock then.
    since: Option<BlockTime>,
    messages: usize,
}

impl Solo {
    /// Makes blocks by this configuration. It goes on after the ground that it gets.
    pub fn new(config: SoloConfig) -> Self {
        Self {
            config,
            pool: Arc::new(Mempool::new(config.pool)),
            outlet: None,
            ground: Ground::default(),
            // Until `executed` gives it the ground of the first block there is nothing that one could follow.
            busy: true,
            decided_at: None,
            filling: Filling::default(),
        }
    }

    /// How many messages the next block takes.
    fn admitted(&self, due: Due) -> usize {
        let most = match due.backlog > self.config.backlog_mark {
            // The engines have work left from blocks before: fewer new messages, and back-pressure does the rest.
            true => self.config.messages_per_block / BACKLOG_SHARE,
            false => self.config.messages_per_block,
        };
        self.pool
            .pending()
            // At least one, or a backlog that never ends would shut clients out; and orders always find room beside
            // them.
            .min(most.clamp(1, ENTRIES_PER_BLOCK_MAX - ORDERS_MAX))
    }

    /// When the messages that wait get their block.
    fn filled(&self, now: BlockTime) -> BlockTime {
        match self.filling.messages < self.config.at_once_messages {
            true => now,
            false => over(self.filling.since, self.config.block_interval_millis, now),
        }
    }

    /// When a timer for this time can come: block time, which it is compared with, is never before the parent's.
    fn timer_due(&self, timer: BlockTime, now: BlockTime) -> BlockTime {
        match timer <= self.ground.tip.time {
            true => now,
            false => timer.max(now),
        }
    }

    /// So many messages were admitted now.
    fn count(&mut self, messages: usize, now: BlockTime) {
        let interval = self.config.block_interval_millis;
        // The interval begins with the first message after the last one ended, not by the clock: a lone client
        // never waits.
        if over(self.filling.since, interval, now) <= now {
            self.filling = Filling {
                since: Some(now),
                messages: 0,
            };
        }
        self.filling.messages += messages;
    }
}

/// When so many milliseconds since `since` are over: `now` if they are. A clock that went back does not count as
/// waiting.
fn over(since: Option<BlockTime>, millis: u64, now: BlockTime) -> BlockTime {
    match since {
        Some(at) if at <= now => now.max(BlockTime(at.0.saturating_add(millis))),
        Some(_) | None => now,
    }
}

impl BlockSource for Solo {
    fn mempool(&self) -> &Arc<Mempool> {
        &self.pool
    }

    fn begin(&mut self, outlet: Arc<dyn Outlet>) {
        self.outlet = Some(outlet);
    }

    fn validate(&self, proposal: &Block, now: BlockTime) -> Result<(), BlockRefused> {
        self.ground.check_proposal(proposal, now)
    }

    fn executed(&mut self, ground: &Ground) {
        self.ground = ground.clone();
        self.busy = false;
    }

    fn next_due(&self, now: BlockTime, due: Due) -> Option<BlockTime> {
        if self.busy {
            return None;
        }
        // Operators' orders are rare, and wait for no interval.
        if due.follows_upgrade || self.pool.has_orders() {
            return Some(now);
        }
        let messages = (self.admitted(due) > 0).then(|| self.filled(now));
        let interval = over(self.decided_at, self.config.block_interval_millis, now);
        let backlog = (due.backlog > 0).then_some(interval);
        let timer = due.timer.map(|timer| self.timer_due(timer, now));
        let idle = over(self.decided_at, self.config.idle_interval_millis, now);
        let height = due.height_awaited.then_some(idle);
        let others = timer.into_iter().chain(height).min();
        // A timer that sets itself again at once would else have a block made without end.
        let others = others.map(|at| at.max(interval));
        messages.into_iter().chain(backlog).chain(others).min()
    }

    fn tick(&mut self, now: BlockTime, due: Due) {
        let Some(outlet) = self.outlet.clone() else {
            return;
        };
        if self.next_due(now, due).is_none_or(|at| at > now) {
            return;
        }
        let taken = self.pool.take(PoolBounds {
            messages: self.admitted(due),
            bytes: self.config.pool.bytes,
        });
        self.count(taken.messages.len(), now);
        // The driver's clock and not the block's time, which may be ahead of it and would stop the intervals.
        self.decided_at = Some(now);
        self.busy = true;
        let orders = self.pool.take_orders().into_iter();
        let (mut entries, mut tokens): (Vec<_>, Vec<_>) =
            orders.map(|order| (order.entry, Some(order.token))).unzip();
        // Behind the orders: a token is found by the place of its entry, so both lists have the same order.
        entries.extend(taken.messages.into_iter().map(Entry::Message));
        tokens.extend(taken.tokens);
        let block = self.ground.extend(now, entries);
        let decided = Decided::new(block, Seal::Nothing, tokens);
        // The block before is executed, so nothing waits there; a node that has ended answers nobody.
        let _ = outlet.push(decided);
    }
}

impl fmt::Debug for Solo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solo")
            .field("config", &self.config)
            .field("pool", &self.pool)
            .field("tip", &self.ground.tip)
            .field("busy", &self.busy)
            .finish_non_exhaustive()
    }
}
