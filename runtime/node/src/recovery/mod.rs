//! Recovery: a node that starts goes on where the one before it ended, however that ended.
//!
//! ```text
//! data folder ── newest checkpoint, the code it is of ([`kept`]) ──▶ executor at block C
//!             ── log, blocks C+1 … tip ([`replaying`]) ───────────▶ the same blocks again, the driver as ever
//!             ── records of upgrades ([`armed`](crate::code::armed)) ─────────────────▶ made again where a block says that they were
//! ```
//!
//! Nothing but the log decides. A block is executed again only if it stands on exactly the ground that it stood on,
//! so a difference is found at the first block that has it. What was told before is not told again: replayed blocks
//! answer nobody and write no engine's log lines.
//!
//! [`checkpoints`] keeps the way short: a thread writes a new one when the log has grown, and after each upgrade.
//! [`rolled_back`] has the log begin a branch behind an upgrade that is taken back.
//! [`state`] compares a checkpoint's state with the hash that the log names for it.
//! [`trial`] tries a roll-back on a copy, in a child; [`last_good`] has one find the state that an engine had before it was poisoned.
//! [`attempts`] counts starts that end at the last block; [`restoring`] says that a restore has not come to its end.

pub(crate) mod about;
mod ahead;
pub(crate) mod attempts;
pub(crate) mod checkpoints;
mod error;
pub(crate) mod first;
pub(crate) mod genesis;
pub(crate) mod image_file;
pub(crate) mod kept;
pub(crate) mod last_good;
pub(crate) mod photograph;
pub(crate) mod releases;
pub(crate) mod replaying;
pub(crate) mod restoring;
pub(crate) mod rolled_back;
mod set_aside;
pub(crate) mod state;
mod store_copy;
pub(crate) mod stretch;
pub(crate) mod trial;
pub(crate) mod way_back;

/// The name of the record that says what the data folder was configured with.
pub(crate) const IDENTITY: &str = "identity";

pub use error::RecoveryError;
pub use set_aside::{AsideMessage, SetAsideError, set_aside};
pub use trial::Tried;
