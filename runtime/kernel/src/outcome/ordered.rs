//! [`Ordered`]: the outcome of an operator's order.

use crate::keys::At;
use crate::parameters::ParametersError;
use crate::reply::done::Done;
use crate::reply::refusal::KeyRefusal;
use refit_abi::host::CallError;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Height, Undelivered};

/// The outcome of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The index of the order's entry in its block, from 0.
    pub index: u64,
    /// The block in which it was carried out, or refused.
    pub at: At,
    /// Whether it was carried out before, and the effect is from then.
    pub repeated: bool,
    /// Its effect, or why it had none.
    pub outcome: Result<Done, OrderError>,
}

/// Why an order did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The parameters cannot be as it says.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// There is no such engine.
    #[error("engine `{engine}` cannot be started afresh: {reason}; see `refit status`")]
    NoEngine {
        /// The engine's id.
        engine: EngineId,
        /// Whether it ever was.
        reason: Undelivered,
    },
    /// Other code than is live now would have to read its configuration.
    #[error(
        "engine `{engine}` was started with a configuration of schema {found}, and its code takes {taken}; bring code that takes it, or stop the engine and start another"
    )]
    Configuration {
        /// The engine.
        engine: EngineId,
        /// The schema of its configuration.
        found: SchemaId,
        /// The schema that its code takes now.
        taken: SchemaId,
    },
    /// Its `init` did not succeed: the engine is as it was.
    #[error("engine `{engine}` is as it was: its `init` did not succeed: {error}")]
    Init {
        /// The engine.
        engine: EngineId,
        /// The `init`'s error.
        error: CallError,
    },
    /// It serves: there is nothing to revive.
    #[error("engine `{engine}` is not poisoned")]
    NotPoisoned {
        /// The engine.
        engine: EngineId,
    },
    /// The state is that before another poison.
    #[error(
        "engine `{engine}` was poisoned in block {height}, and the state is not of before that"
    )]
    PoisonedElsewhere {
        /// The engine.
        engine: EngineId,
        /// Where it was poisoned.
        height: Height,
    },
    /// Other code came since.
    #[error(
        "engine `{engine}` was poisoned with a state of schema {found}, and its code has {taken} now; start it afresh"
    )]
    OtherState {
        /// The engine.
        engine: EngineId,
        /// The schema of its state then.
        found: SchemaId,
        /// The schema of its code now.
        taken: SchemaId,
    },
    /// The code does not read the state.
    #[error("engine `{engine}` is as it was: its code does not read the state: {error}")]
    State {
        /// The engine.
        engine: EngineId,
        /// How it fails.
        error: CallError,
    },
    /// Its key says no.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
}
