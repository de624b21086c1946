//! [`Failed`]: why a node executes no more blocks although nobody told it to end. It stays up until it is told to
//! end, so that it can be asked why, and so that a supervisor sees that it is neither ready nor live.

use refit_abi::codes;
use refit_abi::host::shown;
use refit_abi::{FAULT_DETAIL_BYTES_MAX, Height};
use refit_admin::Refusal;
use refit_store::AppendError;
use std::any::Any;

/// Why a node goes no further. Nothing but a new start mends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failed {
    /// The driver's thread panicked: the block source, the store or the clock did, or a defect of the node.
    #[error("the thread that drives the blocks panicked: {said}")]
    Driver {
        /// The panic's text.
        said: String,
    },
    /// The crew panicked outside of an engine. The engines are gone with it.
    #[error("the thread that runs the engines panicked: {said}")]
    Crew {
        /// The panic's text.
        said: String,
    },
    /// The thread of an upgrade panicked after it was armed: nobody knows what runs.
    #[error("the thread of upgrade {id} panicked after it was armed: {said}")]
    Upgrade {
        /// The upgrade.
        id: u64,
        /// The panic's text.
        said: String,
    },
    /// The block source dropped its channel to the driver.
    #[error("the block source has ended")]
    Source,
    /// Without the log nothing may be executed.
    #[error("the block log refuses block {height}: {error}")]
    Log {
        /// The block.
        height: Height,
        /// The error.
        error: AppendError,
    },
}

impl Failed {
    /// The refusal that every request gets then.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(
            503,
            codes::NODE_FAILED,
            format!("the node executes no more blocks: {self}"),
            "see its log; end it, and start it again",
        )
    }
}

/// A panic's text, made safe to show.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    shown(text.unwrap_or_default(), FAULT_DETAIL_BYTES_MAX)
}
