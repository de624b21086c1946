//! Tests what the testkit promises to an author, on two small engines of their own.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod alone;
mod bank;
mod driving;
mod fixtures;
mod promises;
mod upgrades;
