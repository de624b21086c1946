//! [`Settling`]: how far the newest generation has taken over the states of the one before.

use crate::generation::replaced::ReplacedStates;
use crate::generation::table::GenerationTable;
use refit_abi::Height;
use std::sync::Arc;

/// How far the newest generation has taken over the states of the one before.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// The code that is live, as long as states may be as the code before left them.
    pub(crate) table: Option<Arc<GenerationTable>>,
    /// The block before the newest generation.
    pub(crate) update_point: Height,
    /// Chunks that the sweep has been over.
    pub(crate) swept: usize,
    /// The states that settled generations have left over, and those of retired engines.
    pub(crate) replaced: Vec<Arc<ReplacedStates>>,
}

/// The states that the settling of a generation has put aside.
pub(crate) fn left_over(table: &GenerationTable) -> impl Iterator<Item = Arc<ReplacedStates>> {
    let pending = table.iter().filter_map(|(_, entry)| entry.pending.as_ref());
    pending.map(|pending| pending.replaced().clone())
}
