//! `kv`: a key-value store with put, compare-and-set, delete, range scan and expiry at a height.
//!
//! Version 2. Version 1 kept plain strings; version 2 gives every value the revision that wrote it,
//! and counts revisions. The types of version 1 are frozen in [`v1`]: the build that published them
//! is gone, nodes that still hold such states are not.

mod engine;
mod message;
mod state;
pub mod v1;

pub use message::{Answer, Config, Entry, Message, Query, Reply};
pub use state::{Kv, Versioned};

refit_abi::export_engines!(Kv);
