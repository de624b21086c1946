//! [`BusError`]: why a call on the upgrade bus gave nothing.

use crate::codes;
use crate::raw::{BusStatus, Codec};
use crate::{EngineId, Fault, codec};

/// Why a call on the upgrade bus gave nothing. `?` turns it into a [`Fault`], which aborts the upgrade.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// Another transition failed: the upgrade is being unwound.
    #[error("the upgrade was cancelled; return, and the old generation goes on")]
    Cancelled,
    /// No engine has the id.
    #[error("there is no engine `{what}`; check the id")]
    Unknown {
        /// The id that was named.
        what: String,
    },
    /// No kind of the new generation has the name.
    #[error("the new generation has no kind `{kind}`; add its module to the plan")]
    UnknownKind {
        /// The kind that was named.
        kind: String,
    },
    /// A query of new state of a kind that is not in `AFTER`.
    #[error(
        "the new state of engine `{engine}` is asked, and its kind is not in `AFTER`; add it there, or read the old state"
    )]
    Undeclared {
        /// The engine that was asked.
        engine: EngineId,
    },
    /// A capability is missing.
    #[error(
        "this engine may not do that to `{what}`; declare it in `NEEDS` and have the node grant it"
    )]
    Forbidden {
        /// The engine or kind.
        what: String,
    },
    /// A counted budget of the upgrade is spent.
    #[error(
        "a budget of the upgrade is spent: messages, rounds, bytes or engines; do less, or plan with a larger --budget"
    )]
    Budget,
    /// The engine does not serve.
    #[error(
        "engine `{engine}` is retired, stopped or poisoned; look at `refit status`, or do without it"
    )]
    Unavailable {
        /// The engine that was called.
        engine: EngineId,
    },
    /// The types do not fit.
    #[error(
        "`{what}` takes or gives another schema there; mirror its types exactly, names included"
    )]
    Schema {
        /// The engine or kind.
        what: String,
    },
    /// The engine's own code said no.
    #[error("`{what}` said: {fault}")]
    Fault {
        /// The engine or kind.
        what: String,
        /// The fault that it returned.
        fault: Fault,
    },
    /// The engine's own code panicked, or what it wrote cannot be read.
    #[error("`{what}` failed: {reason}")]
    Failed {
        /// The engine or kind.
        what: String,
        /// Its reason, as text.
        reason: String,
    },
    /// An engine with the id exists.
    #[error("an engine called `{engine}` exists; choose another name")]
    Taken {
        /// The id that is taken.
        engine: EngineId,
    },
    /// New states are asked by transitions only.
    #[error(
        "a handler of upgrade messages cannot query new states, which still change; use `read`, or a message"
    )]
    NotNow,
}

impl BusError {
    /// A short, stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            BusError::Cancelled => codes::UPGRADE_CANCELLED,
            BusError::Unknown { .. } => codes::BUS_UNKNOWN,
            BusError::UnknownKind { .. } => codes::BUS_UNKNOWN_KIND,
            BusError::Undeclared { .. } => codes::BUS_UNDECLARED_QUERY,
            BusError::Forbidden { .. } => codes::CAPABILITY_MISSING,
            BusError::Budget => codes::BUS_BUDGET_SPENT,
            BusError::Unavailable { .. } => codes::BUS_UNAVAILABLE,
            BusError::Schema { .. } => codes::BUS_SCHEMA,
            BusError::Fault { .. } => codes::BUS_FAULT,
            BusError::Failed { .. } => codes::BUS_FAILED,
            BusError::Taken { .. } => codes::BUS_TAKEN,
            BusError::NotNow => codes::BUS_QUERY_IN_ROUND,
        }
    }

    /// The error of a call about `what`, from its status and what the node wrote.
    pub(crate) fn of(
        status: BusStatus,
        what: impl ToString,
        engine: EngineId,
        said: &[u8],
    ) -> Option<Self> {
        if status == BusStatus::Ok {
            // Most calls: no text is made.
            return None;
        }
        let what = what.to_string();
        let text = || String::from_utf8_lossy(said).into_owned();
        Some(match status {
            BusStatus::Ok => return None,
            BusStatus::Cancelled => BusError::Cancelled,
            BusStatus::Unknown => BusError::Unknown { what },
            BusStatus::Undeclared => BusError::Undeclared { engine },
            BusStatus::Forbidden => BusError::Forbidden { what },
            BusStatus::Budget => BusError::Budget,
            BusStatus::Unavailable => BusError::Unavailable { engine },
            BusStatus::Schema => BusError::Schema { what },
            BusStatus::Fault => BusError::Fault {
                fault: codec::decode_flat(Codec::Postcard, said)
                    .unwrap_or_else(|reason| Fault::new(codes::UNREADABLE_FAULT, reason)),
                what,
            },
            BusStatus::Failed => BusError::Failed {
                what,
                reason: text(),
            },
            BusStatus::Taken => BusError::Taken { engine },
            BusStatus::NotNow => BusError::NotNow,
        })
    }
}
