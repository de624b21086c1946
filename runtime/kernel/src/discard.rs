//! The end of all engines: a node that goes on after it has ended its engines, or unmaps their code,
//! must give every state back to the code that can free it.

use crate::executor::Executor;
use crate::slot::{SlotState, leak_if_unfit};
use refit_abi::host::running;

impl Executor {
    /// Stops every engine and drops its state. Runs engine code, so on the crew only
    /// ([`Command::Call`]).
    ///
    /// An executor that is dropped without this leaks the states, safely: without their code nothing
    /// can free them.
    ///
    /// [`Command::Call`]: crate::crew::Command::Call
    pub fn discard_engines(&mut self) {
        let table = self.table();
        for chunk in &self.chunks {
            for slot in &mut chunk.write().slots {
                let Some(entry) = table.get(slot.kind) else {
                    continue;
                };
                slot.settle(entry, self.height);
                let before = std::mem::replace(&mut slot.state, SlotState::Stopped);
                if let SlotState::Live(instance) = before {
                    let _about = running::about(slot.id);
                    leak_if_unfit(entry.kind.discard(instance));
                }
            }
        }
        let unsettled = crate::sweep::replaced(&table);
        for remains in self.take_remains().into_iter().chain(unsettled) {
            remains.discard_here();
        }
    }
}
