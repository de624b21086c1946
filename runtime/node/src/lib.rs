//! A whole node behind one handle: [`Node::start`] loads the engines, starts the crew and the driver,
//! and gives back what the admin interface needs.
//!
//! ```text
//! client → intake → ordering → block → log → crew → reply → client
//!                                              │
//! plan → stage → probe → rehearse → load → arm ┘ update point, between two blocks
//! ```
//!
//! Rooms, each above what it uses: `start/` makes a node of a configuration; `serve/` is the handle and what is
//! asked through it; `upgrade/` takes a plan to its end; `blocks/` makes blocks and has them executed; `code/` is
//! what is mapped and kept; `trust/` is whose releases are taken, `releases/` those that were imported; `probation/` is what can be taken back; `recovery` goes on from a data folder, and keeps checkpoints in it; [`snapshot`] writes the node into a file of its own, and back; [`offline`] upgrades such a file; [`rehearsal`] runs the transitions in a child; `pause/` is the update point; `answers/` is what
//! clients hear; [`doctor`] looks at a data folder; `watch/` sees calls that do not return; `known/` and `log/` are the node's knowledge and
//! its log.
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
mod blocks;
mod code;
pub mod doctor;
mod entries;
mod hex;
mod known;
mod limits;
mod log;
mod micros;
pub mod offline;
mod pause;
mod probation;
mod recovery;
pub mod rehearsal;
mod releases;
mod replace;
mod serve;
pub mod snapshot;
mod start;
mod trust;
mod upgrade;
mod watch;

pub use blocks::clock::{Clock, SystemClock};
pub use code::quarantine::{Forbidden, QUARANTINE_ENTRIES_MAX, Quarantine, QuarantineError};
pub use known::failed::Failed;
pub use known::latest::Counts;
pub use known::receipts::{RECEIPT_ENGINES_MAX, RECEIPTS_MAX};
pub use limits::*;
pub use pause::watchdog::{OnStuck, StuckPause};
pub use probation::{OnPanic, OnRollBack, Replies};
pub use recovery::{AsideMessage, RecoveryError, SetAsideError, Tried, set_aside};
pub use refit_kernel::{Grants, ParameterChanges, Receipt, ReceiptDifference};
pub use refit_ordering::BlockRefused;
pub use refit_store::{OpenError as StoreOpenError, Step, Steps};
pub use rehearsal::{RehearsalCommand, RehearsalError};
pub use releases::open_file as open_release_file;
pub use releases::{
    BUILD_WAIT_MAX, BuildCommand, BuildOrder, BuildSaid, KeepError, NotStaged, RELEASE_BYTES_MAX,
    RELEASES_MAX,
};
pub use serve::handle::Node;
pub use start::StartError;
pub use start::config::{EngineConfig, NodeConfig, NodeParts, workers};
pub use start::folder::{FolderError, FolderLock, Holder};
pub use start::prepared::{EngineCode, Prepared};
pub use start::trial::trial_main;
pub use trust::{TrustError, check_keyset};
pub use upgrade::NotBrought;
pub use watch::ending::{Ending, Overdue};
pub use watch::{STUCK_ENTRIES_MAX, StuckCall, StuckEntry, StuckList};
