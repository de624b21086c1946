//! An author's `cargo test` for engines and migrations: no node, no network, no disk.
//!
#![doc = include_str!("../README.md")]

mod address;
mod blocks;
mod codec;
pub mod cookbook;
mod determinism;
mod effects;
mod fixtures;
mod look;
mod migrate;
mod modules;
mod node;
mod plain;
mod scripted;
mod stand_in;
mod states;
mod testkit;
mod unchanged;
mod upgrade;

pub use address::Address;
pub use determinism::assert_deterministic;
pub use fixtures::{FixtureMismatch, fixture_of, state_of};
pub use look::Look;
pub use migrate::{assert_round_trip, migrate, migrate_back, migrate_fixture, on_upgrade};
pub use scripted::{ScriptedBus, Sent, Spawned};
#[doc(hidden)]
pub use stand_in::stand_in_query;
pub use testkit::Testkit;
pub use upgrade::{UpgradeError, Upgraded};

pub use refit_abi::fixture::{Fixture, FixtureError};
pub use refit_abi::host::CallError;
pub use refit_kernel::{DeadLetter, Emitted, EngineState, LogLine, QueryError, ReplyError};
pub use refit_kernel::{EngineStatus, StartError};
pub use refit_upgrade::{ArmError, BusBudget, Class, Directives, Failure, Finding, Level};
pub use refit_upgrade::{Phase, Plan, PlanError};

/// The contract, as the macros name it.
#[doc(hidden)]
pub use refit_abi as abi;
