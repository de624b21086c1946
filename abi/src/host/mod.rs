//! Safe handles over a module's tables, for the runtime.
//!
//! A [`Module`] is the code of one loaded library (or one linked in), shared by count; a [`Kind`] is
//! one engine kind of it; an [`Instance`] is one engine's state, which holds *no* code pointer: it
//! is tagged with its schema and layout, and only a kind with the same tag may touch it. That is how
//! a state outlives the code that made it.
//!
//! Nothing here holds anything that a module allocated, but instances, what migrations prepared and what they
//! left over; all must be given back to a kind that fits ([`Kind::discard`], [`Migration::discard`],
//! [`Migration::discard_rest`]). Dropping
//! one without that leaks its memory, safely.
//!
//! A state may be as deep as its data; what does not fit the stack of the calling thread is done on a
//! thread with a large one, refused ([`CallError::TooDeep`]), or leaked and counted ([`leaked`]).

mod bus;
mod call;
mod deep;
mod explain;
mod frame;
mod ingress;
mod instance;
mod json_keys;
mod kind;
mod migration;
mod module;
mod no_services;
mod once;
pub mod panics;
mod pieces;
pub mod running;
mod services;

pub use crate::fault::{shown, shown_end};
pub use bus::{Ask, Bus, Spawn, with_bus};
pub use call::CallError;
pub use deep::{LARGE_STACK_BYTES, leaked};
pub use explain::{Explain, Explained};
pub use frame::{BlockFrame, HandleContext};
pub use ingress::{Ingress, Share};
pub use instance::{Instance, StateTag};
pub use kind::{Digest, Kind, Witness};
pub use migration::{Migration, Prepared, Rest, Settled, Unsettled};
pub use module::{Module, ModuleError};
pub use no_services::NoServices;
pub use once::each_name_once;
pub use pieces::Pieces;
pub use services::{Services, Wanted};
