//! [`Parameters`]: every bound, budget and grant that a result depends on, as one value.
//!
//! They are state: an executor holds them, an [`Image`](crate::Image) carries them, and a block's header names their
//! hash. They change between two blocks only, on every node between the same two: an entry of a block that says so
//! ([`Order::Parameters`](crate::Order)) holds from the next block on, and what an upgrade's plan says holds from its
//! update point on. The defaults are the constants of [`crate::limits`]; what no result depends on (chunks,
//! steps of the sweep, capacity that is kept, lines of the log) is not here.

mod bounds;
mod bytes;
mod changes;
mod fields;
pub(crate) mod grants;
pub(crate) mod keys;
pub(crate) mod spent;

pub use bounds::{
    BlockBounds, CauseBounds, DeadLetterBounds, EngineBounds, EventBounds, MailboxBounds,
    MessageBounds, RoundBounds, TimerBounds,
};
pub use bytes::{PARAMETERS_BYTES_MAX, PARAMETERS_FORMAT, ParametersHash};
pub use changes::{Changed, ParameterChanges};
pub use fields::{FIELDS, Field, Unit};

use crate::parameters::grants::Grants;
use crate::parameters::keys::KeyBounds;
use refit_abi::codes;
use refit_abi::host::Explain;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Every bound, budget and grant that a result depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// The most that one block may handle.
    pub block: BlockBounds,
    /// The most that one round may make.
    pub round: RoundBounds,
    /// The most work because of one cause.
    pub cause: CauseBounds,
    /// The most that one handled message may do.
    pub message: MessageBounds,
    /// The most that may wait in mailboxes.
    pub mailbox: MailboxBounds,
    /// Which timers may wait.
    pub timers: TimerBounds,
    /// How many engines there may be.
    pub engines: EngineBounds,
    /// The most dead letters that are kept.
    pub dead_letters: DeadLetterBounds,
    /// The most that leaves with events.
    pub events: EventBounds,
    /// The most that is kept of clients' requests.
    pub keys: KeyBounds,
    /// The grants: what engines of a kind may do to those of other kinds.
    pub grants: Grants,
}

/// Why a value or bytes are no parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// A value that a parameter may not have.
    #[error("`{name}` is {value} {unit}; it may be {least} to {most}")]
    Beyond {
        /// The name of the parameter.
        name: &'static str,
        /// The value that it is set to.
        value: u64,
        /// Its unit.
        unit: Unit,
        /// The least that it may be.
        least: u64,
        /// The most.
        most: u64,
    },
    /// There is no such parameter.
    #[error("no parameter is called `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The grants name a kind that no kind can be called.
    #[error("{kind:?} is no name of an engine kind; name kinds as `refit status` shows them")]
    NoKind {
        /// The name as given.
        kind: String,
    },
    /// The bytes are of another form.
    #[error(
        "the bytes are parameters of form {found}, and this node reads form {PARAMETERS_FORMAT}; write them with this version"
    )]
    Format {
        /// The form that they claim.
        found: u8,
    },
    /// The bytes do not decode.
    #[error("{bytes} bytes are no parameters ({source}); fetch them again")]
    Malformed {
        /// How many bytes there were.
        bytes: usize,
        /// The decoder's error.
        source: postcard::Error,
    },
    /// There are more bytes than parameters may have.
    #[error("{bytes} bytes are no parameters: at most {PARAMETERS_BYTES_MAX} are read")]
    TooLarge {
        /// How many bytes there were.
        bytes: usize,
    },
    /// The bytes decode, but are not those that parameters are hashed by.
    #[error("the parameters are not in their canonical form; write them anew")]
    NotCanonical,
}

impl Parameters {
    /// The defaults, with what the node grants.
    pub fn granting(grants: Grants) -> Self {
        Self {
            grants,
            ..Self::default()
        }
    }

    /// Whether each of them can be set: called for those from a configuration and from bytes.
    ///
    /// # Errors
    /// [`ParametersError::Beyond`], which names the first that is not, and its bounds.
    pub fn check(&self) -> Result<(), ParametersError> {
        let mut fields = FIELDS.iter();
        fields.try_for_each(|field| field.check(field.of(self)))
    }
}

impl Explain for ParametersError {
    fn code(&self) -> &str {
        match self {
            Self::Beyond { .. } => codes::PARAMETER_BEYOND,
            Self::Unknown { .. } => codes::PARAMETER_UNKNOWN,
            Self::NoKind { .. } => codes::GRANT_OF_NO_KIND,
            Self::Format { .. } | Self::Malformed { .. } | Self::NotCanonical => {
                codes::PARAMETERS_MALFORMED
            }
            Self::TooLarge { .. } => codes::PARAMETERS_TOO_LARGE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed("see the names and bounds with: refit parameters show")
    }
}

#[cfg(test)]
mod tests;
