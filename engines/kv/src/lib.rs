//! `kv`: a key-value store with put, compare-and-set, delete, range scan and expiry at a height, and
//! [`index`]: a secondary index that finds keys by their value.
//!
//! Version 3. Version 1 kept plain strings; version 2 gave every value the revision that wrote it;
//! version 3 starts an index while the upgrade runs and fills it over the upgrade bus. The states of the
//! versions before are frozen in [`v1`] and [`v2`], each with the one step to the next: a node with
//! version 1's comes to version 3 at once.

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
