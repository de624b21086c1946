//! The bounds of what a node is configured with.

use super::StartError;
use super::config::NodeConfig;
use crate::limits::{PROBATION_BLOCKS_MAX, REPLY_WAIT_MAX};
use crate::probation::Replies;
use refit_kernel::limits::WORKERS_MAX;
use refit_ordering::BLOCK_INTERVAL_MILLIS_MAX;
use std::time::Duration;

impl NodeConfig {
    /// Whether its values are within their bounds and go together. A start asks this before anything else.
    ///
    /// # Errors
    /// [`StartError::Beyond`] or [`StartError::HoldsTooLong`].
    pub fn check(&self) -> Result<(), StartError> {
        bounded(self)?;
        match self.replies {
            Replies::Held => fits_into_a_wait(self),
            Replies::Leave => Ok(()),
        }
    }
}

/// Whether what is configured is within its bounds: a value is refused, and never taken for another.
fn bounded(config: &NodeConfig) -> Result<(), StartError> {
    let bounds = [
        ("workers", config.workers as u64, WORKERS_MAX as u64),
        (
            "block-interval",
            config.block_interval_ms,
            BLOCK_INTERVAL_MILLIS_MAX,
        ),
        (
            "probation-blocks",
            config.probation_blocks,
            PROBATION_BLOCKS_MAX,
        ),
    ];
    for (name, value, most) in bounds {
        if value > most {
            return Err(StartError::Beyond { name, value, most });
        }
    }
    Ok(())
}

/// Whether a client that waits sees the end of a probation that holds its reply back.
fn fits_into_a_wait(config: &NodeConfig) -> Result<(), StartError> {
    let blocks = config.probation_blocks;
    let block_ms = config.idle_interval_ms.max(config.block_interval_ms);
    let holds = Duration::from_millis(blocks.saturating_mul(block_ms));
    match holds <= REPLY_WAIT_MAX / 2 {
        true => Ok(()),
        false => Err(StartError::HoldsTooLong { blocks, holds }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::handle::Node;
    use refit_loader::ProbeCommand;

    fn refused(change: impl FnOnce(&mut NodeConfig)) -> String {
        let probe = ProbeCommand::new("/nowhere/probe");
        let mut config = NodeConfig::new(Vec::new(), probe);
        change(&mut config);
        match Node::prepare(config) {
            Err(error @ StartError::Beyond { .. }) => error.to_string(),
            other => panic!("{:?}", other.map(drop)),
        }
    }

    #[test]
    fn a_probation_that_holds_replies_fits_into_half_of_what_clients_wait() {
        let held = |blocks: u64| {
            let mut config = NodeConfig::new(Vec::new(), ProbeCommand::new("/no/such"));
            config.replies = Replies::Held;
            config.probation_blocks = blocks;
            config.check().map_err(|error| error.to_string())
        };
        assert_eq!(held(15), Ok(()));
        let refused = held(16).unwrap_err();
        assert!(
            refused.contains("16 blocks holds replies back for up to 16 s"),
            "{refused}"
        );
    }

    #[test]
    fn a_value_beyond_its_bound_is_refused_and_never_taken_for_another() {
        let said = refused(|config| config.workers = WORKERS_MAX + 1);
        assert_eq!(said, "`workers` is 65; at most 64 is taken");
        let said = refused(|config| config.block_interval_ms = u64::MAX);
        assert!(
            said.contains("block-interval") && said.contains("60000"),
            "{said}"
        );
    }
}
