//! [`BenchError`]: why a bench gave no figures.

use refit_abi::{EngineId, EngineIdError};
use refit_build::BuildError;
use refit_kernel::{QueryError, StartError};
use refit_loader::OpenError;
use refit_upgrade::{ArmError, Failure, Phase, PlanError};
use std::io;
use std::path::PathBuf;

/// Why a bench gave no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// An option is out of its range.
    #[error("{option} is {value}; give {range}")]
    Option {
        /// The option.
        option: &'static str,
        /// The value as given.
        value: String,
        /// The values that may be given.
        range: String,
    },
    /// The source of a bench engine is not there.
    #[error("the bench engines' source is not in {}; run from a checkout of the project", path.display())]
    NoSource {
        /// The folder where it should be.
        path: PathBuf,
    },
    /// A bench engine was not built.
    #[error("cannot build the bench engine {name}: {source}")]
    Build {
        /// Its folder.
        name: String,
        /// The error.
        source: Box<BuildError>,
    },
    /// A library was not loaded.
    #[error("cannot load {}: {source}", path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// The error.
        source: Box<OpenError>,
    },
    /// A program that is compared does not measure.
    #[error("{} does not measure: {reason}; give a `refit` that was built for release in its own checkout", path.display())]
    Program {
        /// The path.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A node that is measured does not do what it should.
    #[error("the measured node failed: {reason}; it said:\n{log}")]
    Node {
        /// The reason.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// A node's socket does not serve.
    #[error("cannot ask the node at {}: {source}; is there room for more open files (ulimit -n)?", path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("cannot start a thread: {source}; raise the limit of threads")]
    Thread {
        /// The system's error.
        source: io::Error,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// Read, write, create.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file of the system does not hold what it should.
    #[error("{} does not say {wanted}; measure on Linux 4.0 or later", path.display())]
    Unsaid {
        /// Which file.
        path: PathBuf,
        /// The field that was looked for.
        wanted: &'static str,
    },
    /// A bench engine's name is no id.
    #[error(transparent)]
    Name(#[from] EngineIdError),
    /// A bench engine did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The upgrade could not be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The upgrade could not be armed.
    #[error(transparent)]
    Arm(#[from] ArmError),
    /// The upgrade was aborted.
    #[error("the swap was aborted at `{phase}`: {failure}; this is a defect, please report it")]
    Aborted {
        /// The phase that was not passed.
        phase: Phase,
        /// The failure.
        failure: Failure,
    },
    /// An engine could not be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// An engine is not what it should be after the swap.
    #[error(
        "engine `{engine}` has {found} after the swap, not {expected}; this is a defect, please report it"
    )]
    Wrong {
        /// The engine.
        engine: EngineId,
        /// The value that it should have.
        expected: String,
        /// The value that it has.
        found: String,
    },
    /// The crew does not answer.
    #[error("the crew did not {what} within {seconds} s; measure fewer engines or entries")]
    Stuck {
        /// The work that it should have done.
        what: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A report could not be written as JSON.
    #[error("the report cannot be written as json: {0}; this is a defect, please report it")]
    Json(#[from] serde_json::Error),
    /// A release that is measured does not verify.
    #[error("the measured release failed: {reason}; this is a defect, please report it")]
    Release {
        /// The reason.
        reason: String,
    },
    /// The engine that is measured failed.
    #[error("the measured engine failed: {reason}; this is a defect, please report it")]
    Engine {
        /// The reason.
        reason: String,
    },
}

impl BenchError {
    /// For `map_err`: a file could not be `action`ed.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}
