//! Timers: messages that an engine has set for itself, by height or by block time.

use crate::causes::CauseIndex;
use refit_abi::schema::SchemaId;
use refit_abi::{BlockTime, EngineId, Height, TimerAt, TimerId};
use std::collections::BTreeMap;

/// A message that waits for its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    pub(crate) engine: EngineId,
    pub(crate) id: TimerId,
    pub(crate) schema: SchemaId,
    /// Under which it was set.
    pub(crate) cause: CauseIndex,
    pub(crate) payload: Vec<u8>,
}

/// All timers, in the order they are due and, within one block, were set. How many there may be is looked at where
/// they are set (`block/running.rs`): what a handler was promised is kept.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    pub(crate) by_height: BTreeMap<(Height, u64), Timer>,
    pub(crate) by_time: BTreeMap<(BlockTime, u64), Timer>,
    /// The number in the order, by engine and its own number.
    orders: BTreeMap<(EngineId, TimerId), u64>,
    /// Bytes of what they bring.
    bytes: usize,
    pub(crate) set: u64,
}

impl Timers {
    /// Adds a timer.
    pub(crate) fn set(&mut self, at: TimerAt, timer: Timer) {
        self.set += 1;
        self.put(at, self.set, timer);
    }

    /// Adds a timer under its number in the order.
    pub(crate) fn put(&mut self, at: TimerAt, order: u64, timer: Timer) {
        self.orders.insert((timer.engine, timer.id), order);
        self.bytes += timer.payload.len();
        match at {
            TimerAt::Height(height) => self.by_height.insert((height, order), timer),
            TimerAt::Time(time) => self.by_time.insert((time, order), timer),
        };
    }

    /// Takes a timer out that is not to come.
    pub(crate) fn cancel(&mut self, at: TimerAt, engine: EngineId, id: TimerId) -> Option<Timer> {
        let order = self.orders.remove(&(engine, id))?;
        let timer = match at {
            TimerAt::Height(height) => self.by_height.remove(&(height, order)),
            TimerAt::Time(time) => self.by_time.remove(&(time, order)),
        }?;
        self.bytes -= timer.payload.len();
        Some(timer)
    }

    /// Hands on what is due in the block of this height and time, in order. What `deliver` does not take, by giving
    /// false, stays due.
    pub(crate) fn hand_on(
        &mut self,
        height: Height,
        time: BlockTime,
        mut deliver: impl FnMut(&Timer) -> bool,
    ) {
        let Self {
            by_height,
            by_time,
            orders,
            bytes,
            ..
        } = self;
        let due = by_height.extract_if(..(height.next(), 0), |_, timer| deliver(timer));
        for (_, timer) in due {
            *bytes -= timer.payload.len();
            orders.remove(&(timer.engine, timer.id));
        }
        let due = by_time.extract_if(..(time.next(), 0), |_, timer| deliver(timer));
        for (_, timer) in due {
            *bytes -= timer.payload.len();
            orders.remove(&(timer.engine, timer.id));
        }
    }

    /// Bytes of what they bring.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    /// All timers, those by height first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.by_height.values().chain(self.by_time.values())
    }

    /// Takes those for which `take` holds.
    pub(crate) fn take_if(&mut self, take: impl Fn(&Timer) -> bool) -> Vec<Timer> {
        let by_height = self.by_height.extract_if(.., |_, timer| take(timer));
        let mut taken: Vec<Timer> = by_height.map(|(_, timer)| timer).collect();
        let by_time = self.by_time.extract_if(.., |_, timer| take(timer));
        taken.extend(by_time.map(|(_, timer)| timer));
        self.forget(&taken);
        taken
    }

    fn forget(&mut self, gone: &[Timer]) {
        for timer in gone {
            self.bytes -= timer.payload.len();
            self.orders.remove(&(timer.engine, timer.id));
        }
    }

    /// The next height at which one is due.
    pub(crate) fn next_height(&self) -> Option<Height> {
        self.by_height
            .first_key_value()
            .map(|((height, _), _)| *height)
    }

    /// The next block time at which one is due.
    pub(crate) fn next_time(&self) -> Option<BlockTime> {
        self.by_time.first_key_value().map(|((time, _), _)| *time)
    }
}
