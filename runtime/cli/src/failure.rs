//! [`Failure`]: whatever ends a command early, with its exit code.

use crate::artifact::ArtifactError;
use crate::client::ClientError;
use crate::commands::events::EventsEnded;
use crate::commands::input::InputError;
use crate::commands::rehearse::RehearsalFailed;
use crate::commands::run::RunError;
use crate::commands::upgrade_end::UpgradeEnd;
use crate::commands::upgrade_plan::{LintRefused, PlanRefused};
use crate::config::ConfigError;
use crate::exit::Exit;
use crate::files::FileError;
use crate::package::error::AuthorError;
use crate::source::SourceError;
use miette::Diagnostic;
use refit_admin::api::Problem;
use std::fmt;
use std::io;

#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum Failure {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] Box<Refused>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Events(#[from] Box<EventsEnded>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Upgrade(#[from] Box<UpgradeEnd>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plan(#[from] Box<PlanRefused>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lint(#[from] Box<LintRefused>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Rehearsal(#[from] Box<RehearsalFailed>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Artifact(#[from] Box<ArtifactError>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Source(#[from] Box<SourceError>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Author(Box<AuthorError>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] Box<RunError>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Demo(#[from] Box<crate::demo::DemoError>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Dev(#[from] Box<crate::dev::DevError>),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Bench(#[from] Box<crate::commands::bench::BenchFailed>),
    #[error("cannot write the output")]
    #[diagnostic(
        code(output::unwritable),
        help("see that what reads stdout is still there, and that there is space where it goes")
    )]
    Output(#[source] io::Error),
    #[error("cannot start")]
    #[diagnostic(
        code(process::start),
        help("see that the machine has threads and files to spare")
    )]
    Start(#[source] io::Error),
}

impl From<AuthorError> for Failure {
    fn from(error: AuthorError) -> Self {
        Self::Author(Box::new(error))
    }
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Input(InputError::LinesRefused { .. }) => Exit::Refused,
            Self::Config(_) | Self::File(_) | Self::Input(_) => Exit::Usage,
            Self::Client(error) => error.exit(),
            Self::Refused(_) => Exit::Refused,
            Self::Events(ended) => ended.exit(),
            Self::Upgrade(end) => end.exit(),
            Self::Plan(error) => error.exit(),
            Self::Lint(_) => Exit::PlanRefused,
            Self::Rehearsal(error) => error.exit(),
            Self::Artifact(error) => error.exit(),
            Self::Source(error) => error.exit(),
            Self::Author(error) => error.exit(),
            Self::Demo(error) => error.exit(),
            Self::Dev(error) => error.exit(),
            Self::Bench(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::Output(_) | Self::Start(_) => Exit::Internal,
        }
    }
}

/// A request that the node refused: its problem, shown as one of our own.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Problem);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the node refused it: {}", self.0.detail)
    }
}

impl std::error::Error for Refused {}

impl Diagnostic for Refused {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("node::{}", self.0.code)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.0.next))
    }
}
