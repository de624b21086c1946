//! [`Standing`]: the node's position: its newest receipts, its parameters, the block that it has refused, and how it
//! has failed.

use crate::known::failed::Failed;
use crate::known::receipts::Receipts;
use parking_lot::Mutex;
use refit_abi::Height;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::Refusal;
use refit_kernel::Parameters;
use refit_ordering::BlockRefused;
use std::sync::{Arc, OnceLock};

/// The parameters that hold for the next block.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    pub(crate) parameters: Arc<Parameters>,
    /// The block after which they came into force; 0: those that the node has started with.
    pub(crate) since: Height,
}

/// Written by the driver, and by an upgrade's thread that fails.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) receipts: Mutex<Receipts>,
    pub(crate) in_force: Mutex<InForce>,
    refused: Mutex<Option<BlockRefused>>,
    failed: OnceLock<Failed>,
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
        // Each upgrade comes here, and most change none.
        if in_force.parameters == *parameters {
            return;
        }
        let hash = parameters.hash();
        let changed = in_force.parameters.differences(parameters);
        let mut changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
        if in_force.parameters.grants != parameters.grants {
            changed.push("other grants".to_owned());
        }
        let changed = changed.join(", ");
        tracing::info!(height = %since, %hash, "new parameters from the next block on: {changed}");
        *in_force = InForce {
            parameters: parameters.clone(),
            since,
        };
    }

    /// The node goes no further because of a decided block.
    pub(crate) fn halts(&self, refused: BlockRefused) {
        tracing::error!("the node executes no more blocks, and answers queries: {refused}");
        // The first one is the reason.
        self.refused.lock().get_or_insert(refused);
    }

    /// Why it goes no further, if it does not.
    pub(crate) fn halted(&self) -> Option<BlockRefused> {
        self.refused.lock().clone()
    }

    /// An operator has decided about the generation on probation: whether the node had halted for that, and goes on.
    pub(crate) fn is_decided(&self) -> bool {
        let mut refused = self.refused.lock();
        let is_for_it = matches!(*refused, Some(BlockRefused::OnProbation { .. }));
        is_for_it && refused.take().is_some()
    }

    /// The node goes no further because a thread of its own does not.
    pub(crate) fn fails(&self, failed: Failed) {
        tracing::error!("the node executes no more blocks, and waits to be ended: {failed}");
        // The first one is the reason.
        let _ = self.failed.set(failed);
    }

    /// How it has failed, if it has.
    pub(crate) fn failed(&self) -> Option<&Failed> {
        self.failed.get()
    }

    /// Refuses messages to a node that has failed or halted.
    ///
    /// # Errors
    /// The [`Refusal`] of a node that has failed or halted.
    pub(crate) fn goes_on(&self) -> Result<(), Refusal> {
        if let Some(failed) = self.failed() {
            return Err(failed.refusal());
        }
        self.halted().map_or(Ok(()), |refused| {
            Err(Refusal::new(
                503,
                codes::NODE_HALTED,
                format!("the node executes no more blocks: {refused}"),
                refused.next(),
            ))
        })
    }
}
