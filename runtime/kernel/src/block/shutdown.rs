//! The end of all engines: a node that goes on after it has ended its engines, or unmaps their code,
//! must give every state back to the code that can free it.

use crate::block::lives::StateIsDropped;
use crate::executor::Executor;

impl Executor {
    /// Stops every engine and drops its state. Runs engine code, so on the crew only
    /// ([`Duty::call`]).
    ///
    /// An executor that is dropped without this leaks the states, safely: without their code nothing
    /// can free them.
    ///
    /// [`Duty::call`]: crate::Duty::call
    pub fn discard_engines(&mut self) {
        let table = self.table();
        let mut out = std::mem::take(&mut self.between);
        for engine in self.engines.ids().into_iter().rev() {
            self.end(engine, &table, StateIsDropped::Now, &mut out);
        }
        self.close_gaps(&table, &mut out);
        self.between = out;
        let unsettled = crate::generation::settling::left_over(&table);
        for replaced in self.take_replaced().into_iter().chain(unsettled) {
            replaced.discard_here();
        }
    }
}
