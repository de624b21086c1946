//! `kv`: a key-value store with put, compare-and-set, delete, range scan and expiry at a height; and
//! `index`, which knows the keys that have a value.
//!
//! Version 3. Version 1 kept plain strings; version 2 gave every value the revision that wrote it;
//! version 3 starts an [`index`] of its own and keeps it up to date. The states of the versions before
//! are frozen in [`v1`] and [`v2`]: the builds that published them are gone, nodes that still hold such
//! states are not. A node at version 1 goes to version 3 in one upgrade.

mod engine;
pub mod index;
mod message;
mod state;
pub mod v1;
pub mod v2;

pub use index::Index;
pub use message::{Answer, Config, Entry, Message, Query, Reply};
pub use state::{Kv, Versioned};

refit_abi::export_engines!(Kv, Index);
