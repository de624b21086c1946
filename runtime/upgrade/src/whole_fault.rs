//! [`WholeFault`]: what is wrong with what a function over the whole snapshot has given back.

use refit_abi::EngineId;
use refit_abi::schema::SchemaId;

/// What is wrong with what the function has given back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WholeFault {
    /// There is more than it may be given.
    #[error(
        "the states have more than {bytes_max} bytes together, which is the most that it is given"
    )]
    TooLarge {
        /// The most, in bytes.
        bytes_max: usize,
    },
    /// It is of another form.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// The reader's error.
        reason: String,
    },
    /// An engine is neither there nor dropped.
    #[error("engine `{engine}` is gone, and not said to be dropped")]
    Gone {
        /// The engine.
        engine: EngineId,
    },
    /// An engine is there that was not given, or twice, or not in its place.
    #[error("engine `{engine}` was not given, or not at this place")]
    Unknown {
        /// The engine.
        engine: EngineId,
    },
    /// An engine is of another kind now.
    #[error("engine `{engine}` is of kind `{found}`, and was of kind `{kind}`")]
    Kind {
        /// The engine.
        engine: EngineId,
        /// Its kind.
        kind: String,
        /// The kind that was given back.
        found: String,
    },
    /// A state is not of the new code's type.
    #[error(
        "the state of engine `{engine}` has schema {found}, the code that comes has {expected}"
    )]
    Schema {
        /// The engine.
        engine: EngineId,
        /// The schema that was given back.
        found: SchemaId,
        /// That of the new code.
        expected: SchemaId,
    },
    /// The state of an engine changed whose code does not.
    #[error("the state of engine `{engine}` changed, and its code does not come in")]
    Carried {
        /// The engine.
        engine: EngineId,
    },
}

impl WholeFault {
    /// The engine that it is about.
    pub fn engine(&self) -> Option<EngineId> {
        match self {
            Self::TooLarge { .. } | Self::Unreadable { .. } => None,
            Self::Gone { engine }
            | Self::Unknown { engine }
            | Self::Kind { engine, .. }
            | Self::Schema { engine, .. }
            | Self::Carried { engine } => Some(*engine),
        }
    }
}
