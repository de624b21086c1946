//! Loads a module first in a process that may crash: [`StagedArtifact`] → [`ProbedArtifact`].
//!
//! The parent starts [`ProbeCommand`] with the staged file's path as last argument; the child bounds
//! itself, maps the file (which runs its constructors), lets abi_stable compare every type of the
//! contract, asks the module for its descriptor and prints one line of JSON. A crash, a hang or a
//! refusal happens there. abi_stable's comparison leaves pointers into the module behind, which is
//! why it may only ever run in a process that ends.
//!
//! The verdict holds for exactly these bytes and this node's interface. It is a check of
//! compatibility, not of good will: what may run at all is decided by signatures.

mod challenge;
pub mod child;
mod error;
mod report;
mod run;
mod verdict;

pub use error::{ProbeError, start_hint};
pub use verdict::{InterfaceId, Verdict};

pub(crate) use challenge::VARIABLE as QUESTION;

use crate::helper::Helper;
use crate::stage::StagedArtifact;
use challenge::Challenge;
use refit_abi::descriptor::Descriptor;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The time that a probe may take if the command gives no other, in seconds.
pub const PROBE_S: u64 = 10;

/// The longest time that a command may give a probe, in seconds.
pub const PROBE_S_MAX: u64 = 60;

/// The program that runs [`child::child_main`], usually this same program with a hidden command.
///
/// Any program may be named: one that is no probe of this interface cannot answer the question that it is
/// asked, and its report is refused.
#[derive(Clone, Debug)]
pub struct ProbeCommand {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) deadline: Duration,
    pub(crate) helper: Option<Arc<Helper>>,
}

impl ProbeCommand {
    /// `program`, started with no arguments but the path and with an empty environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            deadline: Duration::from_secs(PROBE_S),
            helper: None,
        }
    }

    /// Adds an argument before the path.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Has the helper start it: its own program, under the words that the helper has for probes.
    #[must_use]
    pub fn by(mut self, helper: Option<Arc<Helper>>) -> Self {
        self.helper = helper;
        self
    }

    /// Sets how long a probe may take, at most [`PROBE_S_MAX`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(Duration::from_secs(PROBE_S_MAX));
        self
    }
}

/// Whether a module with this descriptor fits this program.
pub(crate) fn fits(descriptor: &Descriptor) -> Result<(), ProbeError> {
    verdict::judge(descriptor)
}

/// A staged module that a child process loaded and found fit for this node.
#[derive(Debug)]
pub struct ProbedArtifact {
    pub(crate) staged: StagedArtifact,
    pub(crate) verdict: Verdict,
}

impl ProbedArtifact {
    /// Probes a staged module.
    ///
    /// # Errors
    /// [`ProbeError`] says why this node must not load it.
    pub fn probe(staged: StagedArtifact, command: &ProbeCommand) -> Result<Self, ProbeError> {
        let challenge = Challenge::new();
        let output = run::run(command, &challenge, &staged)?;
        let descriptor = output.descriptor(&challenge.answer(staged.id()))?;
        // After the report is proven to be of these bytes, before it is remembered for them.
        verdict::judge(&descriptor)?;
        let verdict = Verdict::new(staged.id(), descriptor);
        Ok(Self { staged, verdict })
    }

    /// Joins a staged module with the verdict of an earlier probe, which holds for it.
    pub(crate) fn recalled(staged: StagedArtifact, verdict: Verdict) -> Self {
        Self { staged, verdict }
    }

    /// The staged module.
    pub fn staged(&self) -> &StagedArtifact {
        &self.staged
    }

    /// The verdict, with the module's descriptor.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}
