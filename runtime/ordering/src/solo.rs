//! [`Solo`]: one node orders for itself what its clients send.
//!
//! A block is made when the interval since the last one is over and there is something to do: a
//! message waits that may be admitted, a mailbox holds one, or a timer's time has come. If all that is
//! waited for is a height, an empty block is made each idle interval: a height far ahead costs next to
//! nothing, and still comes. The block after an upgrade waits for no interval.
//!
//! While more than the backlog mark of messages wait in mailboxes, blocks are made to work them off and
//! admit nothing new; the queue fills, and clients are told so.

use crate::{Due, Full, Ingress, Next, Ordering, Tip, Token};
use refit_abi::BlockTime;
use std::collections::VecDeque;

/// Default least time between two blocks, in milliseconds.
pub const BLOCK_INTERVAL_MILLIS: u64 = 5;

/// Default time between two blocks of a node that only waits for a height, in milliseconds.
pub const IDLE_INTERVAL_MILLIS: u64 = 1_000;

/// Default most client messages in a block.
pub const MESSAGES_PER_BLOCK_MAX: usize = 8192;

/// Default most messages that wait for a block.
pub const QUEUE_MESSAGES_MAX: usize = 65_536;

/// Default most bytes of payload that wait for a block; no block has more.
pub const QUEUE_BYTES_MAX: usize = 8 << 20;

/// Default number of messages in mailboxes above which no client message is admitted.
pub const BACKLOG_MARK: usize = 65_536;

/// How a [`Solo`] makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoloConfig {
    /// Least time between two blocks, in milliseconds of the driver's clock.
    pub block_interval_millis: u64,
    /// Time between two blocks that are made only because a height is awaited, in milliseconds of the driver's clock;
    /// less than the block interval counts as that.
    pub idle_interval_millis: u64,
    /// Most client messages in a block; 0 counts as 1.
    pub messages_per_block: usize,
    /// Most messages that wait for a block.
    pub queue_messages: usize,
    /// Most bytes of payload that wait for a block.
    pub queue_bytes: usize,
    /// With more messages than this in mailboxes, a block admits no client message.
    pub backlog_mark: usize,
}

impl Default for SoloConfig {
    fn default() -> Self {
        Self {
            block_interval_millis: BLOCK_INTERVAL_MILLIS,
            idle_interval_millis: IDLE_INTERVAL_MILLIS,
            messages_per_block: MESSAGES_PER_BLOCK_MAX,
            queue_messages: QUEUE_MESSAGES_MAX,
            queue_bytes: QUEUE_BYTES_MAX,
            backlog_mark: BACKLOG_MARK,
        }
    }
}

/// Orders what it is offered, first come first served.
#[derive(Debug)]
pub struct Solo {
    config: SoloConfig,
    queue: VecDeque<(Ingress, Option<Token>)>,
    /// Bytes of payload in the queue.
    queue_bytes: usize,
    tip: Tip,
    /// The driver's clock when the last block was given. Block time may be ahead of it.
    given_at: Option<BlockTime>,
}

impl Solo {
    /// Goes on after `tip`; `Tip::default()` starts a new chain.
    pub fn new(config: SoloConfig, tip: Tip) -> Self {
        Self {
            config,
            queue: VecDeque::new(),
            queue_bytes: 0,
            tip,
            given_at: None,
        }
    }

    /// When so many milliseconds since the last block are over: `now` if they are. A clock that went back does not
    /// count as waiting.
    fn over(&self, millis: u64, now: BlockTime) -> BlockTime {
        match self.given_at {
            Some(at) if at <= now => now.max(BlockTime(at.0.saturating_add(millis))),
            Some(_) | None => now,
        }
    }

    /// How many messages the next block takes.
    fn admitted(&self, due: Due) -> usize {
        if due.backlog > self.config.backlog_mark {
            return 0;
        }
        self.queue.len().min(self.config.messages_per_block.max(1))
    }

    /// When a timer for this time can come: block time, which it is compared with, is never before the parent's.
    fn timer_due(&self, timer: BlockTime, now: BlockTime) -> BlockTime {
        match timer <= self.tip.time {
            true => now,
            false => timer.max(now),
        }
    }
}

impl Ordering for Solo {
    fn offer(&mut self, message: Ingress, token: Option<Token>) -> Result<(), Full> {
        let bytes = self.queue_bytes.saturating_add(message.payload.len());
        if self.queue.len() >= self.config.queue_messages || bytes > self.config.queue_bytes {
            return Err(Full {
                messages: self.queue.len(),
                bytes: self.queue_bytes,
            });
        }
        self.queue_bytes = bytes;
        self.queue.push_back((message, token));
        Ok(())
    }

    fn next(&mut self, now: BlockTime, due: Due) -> Option<Next> {
        if self.next_due(now, due).is_none_or(|at| at > now) {
            return None;
        }
        let admitted = self.queue.drain(..self.admitted(due));
        let (messages, tokens): (Vec<Ingress>, Vec<Option<Token>>) = admitted.unzip();
        self.queue_bytes -= messages
            .iter()
            .map(|message| message.payload.len())
            .sum::<usize>();
        let block = self.tip.extend(now, messages);
        self.tip = block.tip();
        self.given_at = Some(now);
        Some(Next { block, tokens })
    }

    fn next_due(&self, now: BlockTime, due: Due) -> Option<BlockTime> {
        if due.follows_upgrade {
            return Some(now);
        }
        let interval = self.over(self.config.block_interval_millis, now);
        if due.backlog > 0 || self.admitted(due) > 0 {
            return Some(interval);
        }
        let timer = due.timer.map(|timer| self.timer_due(timer, now));
        let idle = self.over(self.config.idle_interval_millis, now);
        let height = due.height_awaited.then_some(idle);
        let next = timer.into_iter().chain(height).min()?;
        Some(next.max(interval))
    }

    fn pending(&self) -> usize {
        self.queue.len()
    }

    fn tip(&self) -> Tip {
        self.tip
    }
}
