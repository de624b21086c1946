//! [`Standing`]: where the node stands beside other nodes: its newest receipts, its parameters, and the block that it
//! has refused.

use crate::receipts::Receipts;
use parking_lot::Mutex;
use refit_abi::Height;
use refit_admin::Refusal;
use refit_kernel::Parameters;
use refit_ordering::Refused;
use std::sync::{Arc, OnceLock};

/// What to do about a node that has halted.
pub(crate) const HALTED_NEXT: &str =
    "send to another node; mend this one as its log says, and start it again";

/// The parameters that hold for the next block.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    pub(crate) parameters: Arc<Parameters>,
    /// The block after which they came into force; 0: those that the node has started with.
    pub(crate) since: Height,
}

/// Written by the driver.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) receipts: Mutex<Receipts>,
    pub(crate) in_force: Mutex<InForce>,
    refused: OnceLock<Refused>,
}

impl Standing {
    /// Beginning with these parameters.
    pub(crate) fn beginning(parameters: &Parameters) -> Self {
        let parameters = Arc::new(parameters.clone());
        let since = Height(0);
        Self {
            in_force: Mutex::new(InForce { parameters, since }),
            ..Self::default()
        }
    }

    /// After the block at `since` other parameters hold, if they are others.
    pub(crate) fn put_in_force(&self, parameters: &Arc<Parameters>, since: Height) {
        let mut in_force = self.in_force.lock();
        if in_force.parameters == *parameters {
            return;
        }
        let hash = parameters.hash();
        let changed = in_force.parameters.differences(parameters);
        let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
        let grants = match in_force.parameters.grants == parameters.grants {
            true => "",
            false => "; other grants",
        };
        let changed = changed.join(", ");
        tracing::info!(height = %since, %hash, "other parameters from the next block on: {changed}{grants}");
        *in_force = InForce {
            parameters: parameters.clone(),
            since,
        };
    }

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
                HALTED_NEXT,
            ))
        })
    }
}
