//! [`Report`]: so many log lines and troubles as a block keeps, and no more, lie in the outboxes of a round.
//!
//! A block keeps the first of them, in the order of the chunks. What is certain not to be among these is dropped when
//! its chunk is done, not when the round is: else each chunk could hold as much as a block keeps.

use crate::engines::outbox::Outbox;
use crate::limits::{LOG_LINES_PER_BLOCK_MAX, TROUBLES_PER_BLOCK_MAX};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// The lines and troubles that the chunks of a round have reported so far.
#[derive(Debug, Default)]
pub(crate) struct Report(Mutex<BTreeMap<usize, Count>>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    lines: usize,
    troubles: usize,
}

impl Report {
    /// The chunk that is this one of the round is done: drops what chunks before it leave no room for.
    pub(crate) fn cut(&self, number: usize, outbox: &mut Outbox) {
        if outbox.logs.is_empty() && outbox.troubles.is_empty() {
            return;
        }
        let mut counts = self.0.lock();
        let before = counts
            .range(..number)
            .fold(Count::default(), |all, (_, one)| Count {
                lines: all.lines + one.lines,
                troubles: all.troubles + one.troubles,
            });
        let lines = LOG_LINES_PER_BLOCK_MAX.saturating_sub(before.lines);
        let dropped = outbox.logs.len().saturating_sub(lines);
        outbox.stats.log_lines_dropped += dropped as u64;
        outbox.logs.truncate(lines);
        let troubles = TROUBLES_PER_BLOCK_MAX.saturating_sub(before.troubles);
        outbox.troubles.truncate(troubles);
        let count = Count {
            lines: outbox.logs.len(),
            troubles: outbox.troubles.len(),
        };
        if count.lines + count.troubles > 0 {
            counts.insert(number, count);
        }
    }
}
