//! The sweep: after a swap, settles the engines that no message has touched yet, some at a time,
//! between blocks; then the old code is no longer held.

use crate::executor::Executor;
use crate::generation::replaced::ReplacedStates;
use crate::generation::settling::left_over;
use crate::limits::SWEEP_CHUNKS_PER_STEP;
use crate::outcome::trouble;
use std::sync::Arc;

impl Executor {
    /// Whether engines of the generation before may be unsettled.
    pub fn is_sweeping(&self) -> bool {
        self.shared.table.load().is_pending()
    }

    /// Settles the engines of the next few chunks. At the end, the generation's table drops the code before it; its
    /// number stays.
    pub fn sweep_step(&mut self) {
        let table = self.table();
        if !table.is_pending() {
            return;
        }
        // Engines that have stopped since may have left fewer chunks than were swept.
        let start = self.settling.swept.min(self.engines.chunks.len());
        let end = (start + SWEEP_CHUNKS_PER_STEP).min(self.engines.chunks.len());
        for chunk in &self.engines.chunks[start..end] {
            for slot in &mut chunk.write().slots {
                if let Some(entry) = table.get(slot.kind) {
                    slot.settle(entry, self.settling.update_point);
                    if let Some(trouble) = slot.take_untold(entry) {
                        self.between.stats.poisoned += 1;
                        trouble::keep(&mut self.between.troubles, || trouble);
                    }
                }
            }
        }
        self.settling.swept = end;
        if end == self.engines.chunks.len() {
            self.settling.replaced.extend(left_over(&table));
            self.settling.table = None;
            drop(self.shared.publish(table.settled()));
        }
    }

    /// Settles all that is left.
    pub fn sweep(&mut self) {
        while self.is_sweeping() {
            self.sweep_step();
        }
    }

    /// The states left over by upgrades that are settled, and those of the engines that they have retired; for
    /// [`replaced::discard`](crate::generation::replaced::discard). It holds its code.
    pub fn take_replaced(&mut self) -> Vec<Arc<ReplacedStates>> {
        std::mem::take(&mut self.settling.replaced)
    }
}
