//! A whole node behind one handle: [`Node::start`] loads the engines, starts the crew and the driver,
//! and gives back what the admin interface needs.
//!
//! ```text
//! client → intake → ordering → block → log → crew → reply → client
//!                                              │
//! plan → stage → probe → rehearse → load → arm ┘ update point, between two blocks
//! ```
//!
//! Threads: the *driver* makes blocks and is the only one that talks to the crew about them; a
//! *crew* runs engine code; one *upgrade* thread at a time stages, arms and retires; a *watchdog* looks at
//! the crew. None of them is
//! a tokio thread; the admin interface's futures wait on channels.
//!
//! Invariants. A reply leaves only after its block is in the log. There is at most one upgrade under
//! way. A module is retired only after the crew that could have entered it was joined and no state
//! is left that its code would have to touch.

mod answers;
mod asking;
mod batch;
mod capture;
mod chain;
mod clock;
mod config;
mod driver;
mod ending;
mod events;
mod failed;
mod folder;
mod group;
mod handle;
mod intake;
mod latest;
mod leaks;
mod libraries;
mod life;
mod limits;
mod lines;
mod looks;
mod orders;
mod prepared;
mod quarantine;
mod receipts;
mod refusals;
pub mod rehearsal;
mod replace;
mod standing;
mod start;
mod status;
mod tempo;
mod troubles;
mod upgrade;
mod waiters;
mod watch;

pub use clock::{Clock, SystemClock};
pub use config::{EngineConfig, NodeConfig, NodeParts, OnStuck};
pub use ending::{Ending, Overdue};
pub use failed::Failed;
pub use folder::{FolderError, FolderLock, Holder};
pub use handle::Node;
pub use latest::Counts;
pub use limits::*;
pub use prepared::{EngineCode, Prepared};
pub use quarantine::{QUARANTINE_ENTRIES_MAX, Quarantine, QuarantineError};
pub use receipts::{RECEIPT_ENGINES_MAX, RECEIPTS_MAX};
pub use refit_kernel::{Grants, ParameterChanges, Receipt, ReceiptDifference};
pub use refit_ordering::Refused as BlockRefused;
pub use rehearsal::{RehearsalCommand, RehearsalError};
pub use start::StartError;
pub use upgrade::StuckPause;
pub use watch::{STUCK_ENTRIES_MAX, StuckCall, StuckEntry, StuckList};
