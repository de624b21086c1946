//! Engine libraries as the command line meets them: a path that is looked into without running
//! anything of it in this process.

use crate::failure::Reported;
use refit_abi::descriptor::Descriptor;
use refit_abi::host::Explain;
use refit_loader::{
    ArtifactId, Candidate, Inspection, OpenError, ProbeCommand, ProbedArtifact, StagedArtifact,
};
use refit_node::{BuildCommand, RehearsalCommand};
use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// The running program, even if its file was replaced since it started.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

/// A library that obeys the ELF rules and was found fit by the probe.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) path: PathBuf,
    pub(crate) id: ArtifactId,
    pub(crate) inspection: Inspection,
    pub(crate) descriptor: Descriptor,
}

/// A library that was refused: the loader's reason, shown as one of our own.
#[derive(Debug)]
pub(crate) struct ArtifactError {
    path: PathBuf,
    reason: OpenError,
}

/// How the loader probes: this program with its hidden command.
pub(crate) fn probe_command() -> ProbeCommand {
    ProbeCommand::new(THIS_PROGRAM).argument("probe")
}

/// How the node rehearses: this program with its hidden command.
pub(crate) fn rehearsal_command() -> RehearsalCommand {
    let command = RehearsalCommand::new(THIS_PROGRAM).argument("rehearsal");
    command.called("refit")
}

/// The hidden command that builds a package of a release.
pub(crate) const RELEASE_BUILDER: &str = "release-builder";

/// How the node has releases built: this program with its hidden command, and these words.
pub(crate) fn build_command(words: Vec<OsString>) -> BuildCommand {
    let command = BuildCommand::new(THIS_PROGRAM, "refit").argument(RELEASE_BUILDER);
    words.into_iter().fold(command, BuildCommand::argument)
}

/// How the node tries a roll-back: this program with its hidden command.
pub(crate) fn trial_command() -> RehearsalCommand {
    let command = RehearsalCommand::new(THIS_PROGRAM).argument("trial");
    command.called("refit")
}

/// Inspects and probes the library at `path`.
pub(crate) fn examine(path: &Path) -> Result<Examined, Box<ArtifactError>> {
    probed(path).map_err(|reason| {
        Box::new(ArtifactError {
            path: path.to_owned(),
            reason,
        })
    })
}

fn probed(path: &Path) -> Result<Examined, OpenError> {
    let inspected = Candidate::read(path)?.inspect()?;
    let inspection = inspected.inspection().clone();
    let staged = StagedArtifact::stage(inspected, &std::env::temp_dir())?;
    let probed = ProbedArtifact::probe(staged, &probe_command())?;
    Ok(Examined {
        path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        id: probed.staged().id(),
        inspection,
        descriptor: probed.verdict().descriptor().clone(),
    })
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            // It names the path itself.
            OpenError::Read(error) => error.fmt(f),
            reason => write!(f, "{} is refused: {reason}", self.path.display()),
        }
    }
}

impl std::error::Error for ArtifactError {}

impl Explain for ArtifactError {
    fn code(&self) -> &str {
        self.reason.code()
    }

    fn next(&self) -> Cow<'_, str> {
        self.reason.next()
    }
}

impl Reported for ArtifactError {}
