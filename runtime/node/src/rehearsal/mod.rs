//! Rehearsals: the real transitions of an upgrade, in a child process that may be killed, on a copy of
//! the state, before anything happens to the node.
//!
//! The node starts [`RehearsalCommand`] and forks between two blocks: the fork, which has the memory as it is then,
//! writes the child the plan's modules and its engines as an image ([`refit_kernel::image::stream`]), with the states
//! of the kinds whose code changes, while the node goes on (`copying`). If a transition then asks another engine, it
//! is rehearsed once more with the states of all. The child bounds itself, maps old and new code, runs the upgrade at
//! a real update point with as many workers as the node has, settles and checks every state, and prints a line of
//! JSON. A transition that loops, eats memory or crashes does so there; the parent kills the child and names the
//! engine.

mod at;
pub mod child;
mod copying;
mod error;
mod memory;
mod perform;
pub(crate) mod process;
mod read_back;
mod replay;
mod run;
mod shadow;
mod wire;
mod written;

pub use at::At;
pub(crate) use copying::{Copying, Forked, Order};
pub use error::RehearsalError;
pub(crate) use run::run;
pub(crate) use wire::{Found, ModuleAt, NEEDS_ALL, Passed, Request, Stretch, Writes};

use refit_loader::helper::Helper;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The default bound on a rehearsal's time.
pub const REHEARSAL_WAIT: Duration = Duration::from_secs(20);

/// How long a rehearsal may take at least: less would refuse every upgrade.
pub const REHEARSAL_WAIT_MIN: Duration = Duration::from_millis(100);

/// How long a rehearsal may take at most: a plan's reader waits for it.
pub const REHEARSAL_WAIT_MAX: Duration = Duration::from_secs(300);

/// The default bound on a rehearsal's address space, in bytes.
pub const REHEARSAL_MEMORY_BYTES: u64 = 4 << 30;

/// States that are copied for a rehearsal, in bytes; a node with more refuses it.
pub const REHEARSAL_STATE_BYTES_MAX: usize = 1 << 30;

/// The program that runs [`child::child_main`], usually this same program with a hidden command.
#[derive(Clone, Debug)]
pub struct RehearsalCommand {
    pub(crate) program: PathBuf,
    /// Its name among the system's processes; that of its file if none is given.
    pub(crate) name: Option<OsString>,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) deadline: Duration,
    pub(crate) memory_bytes: u64,
    pub(crate) helper: Option<Arc<Helper>>,
}

impl RehearsalCommand {
    /// `program`, started with no arguments and with an empty environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            name: None,
            arguments: Vec::new(),
            deadline: REHEARSAL_WAIT,
            memory_bytes: REHEARSAL_MEMORY_BYTES,
            helper: None,
        }
    }

    /// Whole seconds in which it is over.
    pub(crate) fn seconds(&self) -> u64 {
        self.deadline.as_secs() + 1
    }

    /// Gives it a name among the system's processes, for whoever looks what runs there.
    #[must_use]
    pub fn called(mut self, name: impl Into<OsString>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Has the helper start it: its own program, under the words that the helper has for it.
    #[must_use]
    pub fn by(mut self, helper: Option<Arc<Helper>>) -> Self {
        self.helper = helper;
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets how long it may take, at most [`REHEARSAL_WAIT_MAX`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(REHEARSAL_WAIT_MAX);
        self
    }

    /// Sets the address space that it may use, in bytes: states, old and new, and both codes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }
}
