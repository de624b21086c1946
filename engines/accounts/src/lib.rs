//! `accounts`: balances, transfers and mints, whose sum never changes but by a mint; and `holds`, the
//! parts of balances that are set apart for somebody until a height.
//!
//! Version 2. Version 1 kept the holds inside each account, and noted in the store `kv` when each of
//! them ends; version 2 has given them an engine of their own, [`holds`], and reads the notes out of the
//! store while the upgrade runs. The types of version 1 are frozen in [`v1`].

mod engine;
pub mod holds;
pub mod kv;
mod message;
mod split;
mod state;
pub mod v1;

pub use holds::Holds;
pub use message::{Answer, Config, Message, Query, Reply};
pub use state::{Account, Accounts};

refit_abi::export_engines!(Accounts, Holds);
