//! [`Order`]: one `cargo build`, and what its failure means.

use crate::cancel::Wanted;
use crate::error::BuildError;
use crate::listen::{Heard, hear, without_progress};
use crate::options::Options;
use crate::progress::{Listener, Stage};
use crate::publish::PLACE_FOR_STAMP;
use crate::toolchain::Toolchain;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One `cargo build`.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) toolchain: &'a Toolchain,
    /// The package's name, for messages.
    pub(crate) package: &'a str,
    /// The folder where cargo runs: the source, so that its configuration holds.
    pub(crate) source: &'a Path,
    /// The folder of the manifest.
    pub(crate) folder: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) options: &'a Options,
    /// Whether the lock must be obeyed as it is.
    pub(crate) locked: bool,
    pub(crate) stage: Stage,
    pub(crate) listener: &'a Listener,
    pub(crate) wanted: &'a Wanted,
}

/// The result of a build.
#[derive(Debug)]
pub(crate) struct Yield {
    pub(crate) library: PathBuf,
    /// The crates that were compiled, in cargo's order; all others were compiled before.
    pub(crate) compiled: Vec<String>,
    /// The files and folders that belong to other packages.
    pub(crate) parts: BTreeSet<PathBuf>,
    pub(crate) log: String,
}

impl Order<'_> {
    /// Builds: without the network if everything is there, else with it.
    pub(crate) fn run(&self) -> Result<Yield, BuildError> {
        match self.attempt(true) {
            Err(BuildError::CargoFailed { .. }) => self.attempt(false),
            done => done,
        }
    }

    /// Makes sure that the lock fits the manifest and that all it names is on this machine, before
    /// anything is compiled.
    pub(crate) fn fetch(&self) -> Result<(), BuildError> {
        self.prepare(&["fetch", "--locked"])
    }

    /// Chooses a version of each dependency, where no lock does.
    pub(crate) fn resolve(&self) -> Result<(), BuildError> {
        self.prepare(&["generate-lockfile"])
    }

    /// Runs another command than a build: without the network if that is enough, else with it.
    fn prepare(&self, arguments: &[&str]) -> Result<(), BuildError> {
        let run = |offline: bool| {
            let mut command = self.toolchain.command(self.source);
            command
                .args(arguments)
                .arg("--manifest-path")
                .arg(self.manifest())
                .args(offline.then_some("--offline"));
            self.hear(command)
        };
        if run(true)?.succeeded {
            return Ok(());
        }
        let heard = run(false)?;
        match heard.succeeded {
            true => Ok(()),
            false => Err(self.cargo_failed(&heard.log)),
        }
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    fn hear(&self, command: Command) -> Result<Heard, BuildError> {
        let tally = self.listener.begin(self.package, self.stage);
        hear(command, &self.manifest(), self.wanted, &tally)
    }

    fn attempt(&self, offline: bool) -> Result<Yield, BuildError> {
        let heard = self.hear(self.command(offline))?;
        if !heard.succeeded {
            return Err(self.failed(&heard));
        }
        match heard.library {
            Some(library) => Ok(Yield {
                library,
                compiled: heard.compiled,
                parts: heard.parts,
                log: heard.log,
            }),
            None => Err(BuildError::NoLibrary {
                package: self.package.to_owned(),
            }),
        }
    }

    /// Why it failed: the machine, the source, or cargo's arguments.
    fn failed(&self, heard: &Heard) -> BuildError {
        let target = self.target.to_owned();
        if is_short_of_space(&heard.log) {
            return BuildError::NoSpace { target };
        }
        if is_execution_refused(&heard.log) {
            return BuildError::NoExecution { target };
        }
        if heard.compiler_ran {
            return BuildError::DoesNotCompile {
                package: self.package.to_owned(),
                diagnostics: without_progress(&heard.log),
            };
        }
        self.cargo_failed(&heard.log)
    }

    fn cargo_failed(&self, log: &str) -> BuildError {
        let package = self.package.to_owned();
        BuildError::CargoFailed {
            package,
            output: log.trim().to_owned(),
        }
    }

    fn command(&self, offline: bool) -> Command {
        let mut command = self.toolchain.command(self.source);
        command
            .args(["build", "--lib"])
            .args([
                "--message-format",
                "json-render-diagnostics",
                "--manifest-path",
            ])
            .arg(self.manifest())
            .args(self.options.arguments())
            .args(offline.then_some("--offline"))
            .args(self.locked.then_some("--locked"))
            .env("CARGO_TARGET_DIR", self.target)
            // Above what a configuration file says: what is compiled is looked for in one place.
            .env("CARGO_BUILD_BUILD_DIR", self.target)
            .env("REFIT_BUILD_ID", PLACE_FOR_STAMP)
            .envs(self.options.variables());
        command
    }
}

/// Whether something could not be written for want of room.
pub(crate) fn is_short_of_space(log: &str) -> bool {
    log.contains("(os error 28)") || log.contains("No space left on device")
}

/// Whether the system did not let a program or a macro run that was just built.
fn is_execution_refused(log: &str) -> bool {
    let program = log.contains("could not execute process")
        && log.contains("build-script")
        && log.contains("(os error 13)");
    program || log.contains("failed to map segment from shared object")
}
