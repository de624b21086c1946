//! [`Parameters`]: every bound, budget and grant that a result depends on, as one value.
//!
//! They are state: an executor holds them, an [`Image`](crate::Image) carries them, and a block's header names their
//! hash. They change between two blocks only ([`Executor::set_parameters`](crate::Executor::set_parameters)), on every
//! node between the same two. The defaults are the constants of [`crate::limits`]; what no result depends on (chunks,
//! steps of the sweep, capacity that is kept, lines of the log) is not here.

mod bounds;
mod bytes;

pub use bounds::{
    BlockBounds, CauseBounds, DeadLetterBounds, EngineBounds, EventBounds, MailboxBounds,
    MessageBounds, TimerBounds,
};
pub use bytes::{PARAMETERS_BYTES_MAX, PARAMETERS_FORMAT, ParametersHash};

use crate::grants::Grants;
use crate::keys::KeyBounds;
use serde::{Deserialize, Serialize};

/// Every bound, budget and grant that a result depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// What one block may handle.
    pub block: BlockBounds,
    /// What may come of one cause.
    pub cause: CauseBounds,
    /// What one handled message may do.
    pub message: MessageBounds,
    /// What may wait in mailboxes.
    pub mailbox: MailboxBounds,
    /// Which timers may wait.
    pub timers: TimerBounds,
    /// How many engines there may be.
    pub engines: EngineBounds,
    /// What is kept of messages that no engine took.
    pub dead_letters: DeadLetterBounds,
    /// What leaves with events.
    pub events: EventBounds,
    /// What is kept of the requests of clients.
    pub keys: KeyBounds,
    /// What engine kinds may do to each other.
    pub grants: Grants,
}

/// Why a value or bytes are no parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// A bound under which nothing would ever be done.
    #[error("`{name}` is 0, so that nothing would be done; make it at least 1")]
    Zero {
        /// Which.
        name: &'static str,
    },
    /// The bytes are of another form.
    #[error(
        "the bytes are parameters of form {found}, and this is {PARAMETERS_FORMAT}; write them with this version"
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
        /// Where decoding failed.
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

    /// Whether something can be done under them at all: whoever takes them from a configuration or from a block asks.
    ///
    /// # Errors
    /// [`ParametersError::Zero`], which names the bound.
    pub fn check(&self) -> Result<(), ParametersError> {
        let needed = [
            ("block.messages", self.block.messages),
            ("block.bytes", self.block.bytes),
            ("block.rounds", self.block.rounds),
            ("cause.messages_per_block", self.cause.messages_per_block),
            ("cause.bytes_per_block", self.cause.bytes_per_block),
            ("cause.rounds_per_block", self.cause.rounds_per_block),
            ("mailbox.messages", self.mailbox.messages as u64),
            ("engines.engines", self.engines.engines as u64),
        ];
        match needed.into_iter().find(|(_, bound)| *bound == 0) {
            Some((name, _)) => Err(ParametersError::Zero { name }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
