//! Snapshots: a node's states in one file that stands alone, taken while the node serves, looked into without code, and
//! restored into a new data folder.
//!
//! ```text
//! file    = what `refit_store`'s snapshot module draws: records with their hashes, and an index
//! records = the image of the kernel (`refit_kernel::image::stream`), cut into its sections: one for each engine, some
//!           beside them. One behind the other they are a checkpoint's file, to the byte.
//!           the header: JSON, [`SnapshotHeader`]. In it is what stands beside a checkpoint (its ground and its code) and
//!           what the data folder was configured with, both as the data folder has them; and for each kind its library's
//!           hash, its toolchain, its schema, and the description of its state, so that states are read without code
//!           libraries, if they were asked for: their bytes, each once
//! index   = for an engine, its kind, the length of its state and the number of messages that wait for it
//! ```
//!
//! The image lies in front, because a fork of the node writes it into the file itself; the rest is written behind it.
//!
//! Whom the node trusts is in the header too: its keyset and those that have led to it, the newest release that it has committed to,
//! and what is revoked. A chain that is restored takes no release that it had left behind. Nobody signs a snapshot: its keyset is
//! taken over only if the operator vouches for it ([`Vouched`]).
//!
//! What is of one machine is not in it: the journal, the quarantine list, configuration files. A restored node is on a
//! branch of its own, one above the snapshot's.

mod diff;
mod difference;
mod error;
pub(crate) mod finish;
mod fixture;
pub(crate) mod header;
mod marks;
mod opened;
mod restore;
mod take;
mod value;
mod verify;
mod walk;

pub use crate::trust::{
    CarriedKeyset, CarriedTrust, KeysetFacts, NotLed, NotVouched, TrustFacts, Unrelated, Vouched,
};
pub use diff::{
    DIFFERENCES_MAX, EngineDifference, EngineFacts, Part, SnapshotDifference, WALKED_BYTES_MAX,
    diff,
};
pub use difference::{Entries, Entry};
pub use error::SnapshotFileError;
pub use finish::Unfinished;
pub use header::{SnapshotHeader, SnapshotKind, SnapshotState};
pub use opened::{SnapshotEngine, SnapshotFile};
pub use restore::{Offered, Restorable, Restore, RestoreError, Restored};
pub(crate) use take::{Snapshots, SnapshotsParts};
