//! [`ArmError`]: why an upgrade cannot be armed.

use crate::class::Class;
use refit_abi::codes;
use refit_abi::host::{CallError, Explain};
use refit_abi::schema::SchemaId;
use std::borrow::Cow;

/// Why an upgrade cannot be armed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArmError {
    /// No step leads from the live state to the new one.
    #[error("no step leads from the live state of `{kind}` (schema {from}) to the new module's")]
    NoMigration {
        /// The name of the engine kind.
        kind: String,
        /// The live schema.
        from: SchemaId,
    },
    /// The code does something else than the plan says.
    #[error("the states of `{kind}` would cross by `{found}`; the plan says `{planned}`")]
    Class {
        /// The name of the engine kind.
        kind: String,
        /// In the plan.
        planned: Class,
        /// The class that the code gives.
        found: Class,
    },
    /// More or fewer states are copied whole than the plan says.
    #[error("the whole states of `{kind}` are {}copied in the pause; the plan says otherwise", not(*planned))]
    Copied {
        /// The name of the engine kind.
        kind: String,
        /// Whether they are by the plan.
        planned: bool,
    },
    /// Kinds come after each other in a circle.
    #[error("the transitions have no order: {}", kinds.join(" → "))]
    Cycle {
        /// The kinds, each asks the next one's new state.
        kinds: Vec<String>,
    },
    /// The defaults of new fields cannot be made.
    #[error("a default of the new fields of `{kind}` fails: {error}")]
    Trial {
        /// The name of the engine kind.
        kind: String,
        /// The error.
        error: CallError,
    },
}

/// The word before what happens against such a plan.
fn not(planned: bool) -> &'static str {
    match planned {
        true => "not ",
        false => "",
    }
}

impl Explain for ArmError {
    fn code(&self) -> &str {
        match self {
            ArmError::NoMigration { .. } => codes::PLAN_NO_MIGRATION,
            ArmError::Class { .. } | ArmError::Copied { .. } => codes::PLAN_CLASS_CHANGED,
            ArmError::Cycle { .. } => codes::PLAN_AFTER_CYCLE,
            ArmError::Trial { .. } => codes::DEFAULT_FAILED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            ArmError::NoMigration { .. } => {
                "write the step with #[derive(Migrate)] or impl Migrate"
            }
            ArmError::Class { .. } | ArmError::Copied { .. } => {
                "plan again: refit upgrade plan … --out plan.json"
            }
            ArmError::Cycle { .. } => {
                "take one of them out of `AFTER` and use upgrade messages there"
            }
            ArmError::Trial { .. } => "mend the default of the new field; the node is unchanged",
        })
    }
}
