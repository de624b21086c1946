//! What parent and child of a rehearsal say to each other: one request in postcard, lines back.
//!
//! A line that begins with [`AT`] names the engines whose transitions run at the moment; the last line
//! is the [`Report`], as JSON.

use refit_kernel::{Grants, Image};
use refit_loader::{InterfaceId, Verdict};
use refit_upgrade::Directives;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Begins a line that names the engines under way.
pub(crate) const AT: &str = "at ";

/// Engines that such a line names at most.
pub(crate) const AT_ENGINES_MAX: usize = 4;

/// What the child is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The modules that run.
    pub(crate) old: Vec<ModuleAt>,
    /// For each kind of the live generation, in its order, which of them has it.
    pub(crate) kinds: Vec<usize>,
    /// The modules that come in.
    pub(crate) new: Vec<ModuleAt>,
    /// Worker threads of a crew.
    pub(crate) workers: usize,
    /// Address space, in bytes.
    pub(crate) memory_bytes: u64,
    /// The engines.
    pub(crate) image: Image,
    /// What they may do to each other.
    pub(crate) grants: Grants,
    /// What the plan orders.
    pub(crate) directives: Directives,
}

/// A module's file, and what the node's probe said of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ModuleAt {
    pub(crate) path: PathBuf,
    pub(crate) verdict: Verdict,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The child's interface.
    pub(crate) interface: InterfaceId,
    /// How it ended.
    pub(crate) outcome: Result<Passed, Failed>,
}

/// The upgrade committed and every state passed its check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passed {
    pub(crate) pause_us: u64,
    pub(crate) runs: u32,
    pub(crate) engines: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) digest: String,
}

/// The upgrade would not commit, or the child could not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) next: String,
    pub(crate) engine: Option<String>,
    pub(crate) key: Option<String>,
}
