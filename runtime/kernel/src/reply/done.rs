//! [`Done`]: the effect of an operator's order.

use crate::parameters::ParametersHash;
use serde::{Deserialize, Serialize};

/// The effect of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Done {
    /// These parameters hold from the next block on.
    Parameters(ParametersHash),
    /// An engine was started afresh.
    Restarted {
        /// Whether it was poisoned before.
        was_poisoned: bool,
        /// Timers of its former life that were dropped.
        timers_dropped: u64,
    },
    /// This plan is taken on, or has been armed.
    Plan(PlanDigest),
    /// A poisoned engine goes on with a state that it had.
    Revived,
}

/// The digest of a plan, made by its planner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanDigest(pub [u8; 32]);
