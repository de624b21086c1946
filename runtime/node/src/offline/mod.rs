//! Offline upgrades: the transitions of an upgrade on a snapshot, with no node. What comes out is another snapshot, of the
//! same block, whose states are those that a node would have had after the same upgrade.
//!
//! ```text
//! snapshot ── verified ──▶ old code ([`code`]): named, embedded, or kept in a data folder; each by its hash
//!          ── new code or a plan ([`planning`]) ──▶ the plan: made, or compared, as a node does
//!          ── image ──▶ the child of a rehearsal, within its bounds: the same driver ([`migration`])
//!                         └──▶ image of the states after it ── header, libraries ([`after`]) ──▶ snapshot
//! ```
//!
//! Nothing of an engine runs in this process. A file gets its content only from a child that has passed every check, and
//! is read back whole before it is said to be there; giving it a name is the caller's part.

mod after;
mod code;
mod error;
mod image;
mod migration;
mod planning;

pub use code::OldCode;
pub use error::MigrateError;
pub use migration::{Migrated, Migration, Runs};
pub use planning::Coming;
