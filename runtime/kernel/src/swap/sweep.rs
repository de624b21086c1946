//! The sweep: after a swap, settles the engines that no message has touched yet, some at a time,
//! between blocks; then the old code is no longer held.

use crate::block::trouble;
use crate::executor::Executor;
use crate::limits::SWEEP_CHUNKS_PER_STEP;
use crate::swap::remains::Remains;
use crate::swap::table::GenerationTable;
use std::sync::Arc;

impl Executor {
    /// Whether engines of the generation before may be unsettled.
    pub fn is_sweeping(&self) -> bool {
        self.shared.table.load().is_pending()
    }

    /// Settles the engines of the next few chunks. At the end, the generation's table lets go of the
    /// code before it; its number stays.
    pub fn sweep_step(&mut self) {
        let table = self.table();
        if !table.is_pending() {
            return;
        }
        // Engines that have stopped since may have left fewer chunks than were swept.
        let start = self.swept.min(self.chunks.len());
        let end = (start + SWEEP_CHUNKS_PER_STEP).min(self.chunks.len());
        for chunk in &self.chunks[start..end] {
            for slot in &mut chunk.write().slots {
                if let Some(entry) = table.get(slot.kind) {
                    slot.settle(entry, self.update_point);
                    if let Some(trouble) = slot.take_untold(entry) {
                        self.between.stats.poisoned += 1;
                        trouble::keep(&mut self.between.troubles, || trouble);
                    }
                }
            }
        }
        self.swept = end;
        if end == self.chunks.len() {
            self.remains.extend(left_over(&table));
            self.settling = None;
            drop(self.shared.publish(table.settled()));
        }
    }

    /// Settles all that is left.
    pub fn sweep(&mut self) {
        while self.is_sweeping() {
            self.sweep_step();
        }
    }

    /// What upgrades have left over that are settled, and the states of engines that they have retired; for
    /// [`remains::discard`](crate::swap::remains::discard). It holds its code.
    pub fn take_remains(&mut self) -> Vec<Arc<Remains>> {
        std::mem::take(&mut self.remains)
    }
}

/// What the settling of a generation has put aside.
pub(crate) fn left_over(table: &GenerationTable) -> impl Iterator<Item = Arc<Remains>> {
    let pending = table.iter().filter_map(|(_, entry)| entry.pending.as_ref());
    pending.map(|pending| pending.remains().clone())
}
