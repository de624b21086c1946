//! [`Kept`]: the state of an engine that an upgrade could not settle, as bytes of the type that it was of.

use refit_abi::host::{Instance, Migration};
use refit_abi::schema::{SchemaId, Type};
use serde::{Deserialize, Serialize};

/// The old state of an engine that its migration has poisoned after the commit: nothing of it is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The version of its type.
    pub version: u32,
    /// The schema of its type.
    pub schema: SchemaId,
    /// The state, as postcard.
    pub state: Vec<u8>,
}

impl Kept {
    /// `None` of a state that cannot be written: that is a defect of its `#[state(serde)]` fields.
    pub(crate) fn of(step: &Migration, old: &Instance) -> Option<Self> {
        let mut state = Vec::new();
        step.encode_old(old, &mut state).ok()?;
        let version = match step.descriptor().from {
            Type::Struct { version, .. } | Type::Enum { version, .. } => version,
            // No state is of another type.
            _ => 0,
        };
        Some(Self {
            version,
            schema: step.from().schema,
            state,
        })
    }
}
