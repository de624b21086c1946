//! The contract between a Refit node and its engines, and the engine author's SDK.
//!
//! An author implements [`Engine`] for a state that derives [`State`], exports it with
//! [`export_engines!`], and, when the state changes shape, derives or writes [`Migrate`]. The node
//! calls the engine through the tables in [`raw`], which the macro fills; both sides exchange plain
//! data and bytes, never Rust objects, with one exception: the state itself, whose memory is handed
//! from one generation's code to the next when [`schema`] proves that both see it alike.
//!
//! This crate knows nothing of tokio, files or sockets. Unsafe code lives in `shim`, `raw`,
//! `context` and `host`: the two sides of the seam.
//!
#![doc = include_str!("../README.md")]
#![expect(
    unsafe_code,
    reason = "this crate is one of the two that hold the seam to engine code"
)]

pub mod build;
pub mod codes;
#[doc(hidden)]
pub mod derived;
pub mod descriptor;
pub mod export;
#[cfg(feature = "host")]
pub mod fixture;
#[cfg(feature = "host")]
pub mod host;
pub mod raw;
pub mod schema;
pub mod snapshot;
pub mod voice;
pub mod words;

mod budget;
mod bus;
mod bus_error;
mod canonical;
mod capability;
#[doc(hidden)]
pub mod chain;
mod codec;
mod context;
mod depth;
mod engine;
mod exact;
mod fault;
mod float;
mod height;
mod id;
mod id_text;
mod kind_name;
#[doc(hidden)]
pub mod message;
mod migrate;
#[doc(hidden)]
pub mod moved;
#[doc(hidden)]
pub mod pieces;
mod rest;
mod shim;
mod state;
mod timer;
mod walk;
#[doc(hidden)]
pub mod way_back;

pub use budget::Budget;
pub use bus::UpgradeBus;
pub use bus_error::BusError;
pub use capability::Capability;
pub use context::{Context, Level, NoLevel, ServiceError};
pub use engine::{Engine, OnUpgrade, Sender, Undelivered};
pub use fault::{FAULT_CODE_BYTES_MAX, FAULT_DETAIL_BYTES_MAX, FAULT_KEY_BYTES_MAX, Fault};
pub use height::{BlockHash, BlockTime, Generation, Height};
pub use id::{ClientId, ENGINE_NAME_BYTES_MAX, EngineId, EngineIdError};
pub use kind_name::{KIND_BYTES_MAX, is_kind_name};
pub use message::MigrateMessage;
pub use migrate::{Assemble, Fields, Migrate, MigrateBack, Step};
pub use state::{State, StateKey};
pub use timer::{TimerAt, TimerId};

pub use refit_abi_macros::*;
pub use serde::{Deserialize, Serialize};
