//! [`Standing`]: where the node stands beside other nodes: its newest receipts, and the block that it has refused.

use crate::receipts::Receipts;
use parking_lot::Mutex;
use refit_admin::Refusal;
use refit_ordering::Refused;
use std::sync::OnceLock;

/// Written by the driver.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) receipts: Mutex<Receipts>,
    refused: OnceLock<Refused>,
}

impl Standing {
    /// The node goes no further because of a decided block.
    pub(crate) fn halts(&self, refused: Refused) {
        tracing::error!("the node executes no more blocks, and answers queries: {refused}");
        // The first one is the reason.
        let _ = self.refused.set(refused);
    }

    /// Why it goes no further, if it does not.
    pub(crate) fn halted(&self) -> Option<&Refused> {
        self.refused.get()
    }

    /// What whoever sends a message hears then.
    ///
    /// # Errors
    /// The [`Refusal`] of a node that has halted.
    pub(crate) fn goes_on(&self) -> Result<(), Refusal> {
        self.halted().map_or(Ok(()), |refused| {
            Err(Refusal::new(
                503,
                "node-halted",
                format!("the node executes no more blocks: {refused}"),
                "send to another node; mend this one as its log says, and start it again",
            ))
        })
    }
}
