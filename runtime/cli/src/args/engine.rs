//! Building and looking at engine libraries.

use super::{CheckArgs, FreezeArgs, NewArgs, OutputArgs};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Writes the package of a new engine, which builds and tests at once.
    New(NewArgs),
    /// Builds an engine's source into a library.
    Build(BuildArgs),
    /// Checks a library and shows what it says of itself.
    Inspect(InspectArgs),
    /// Publishes an engine's state: notes it in schema.lock and freezes its types.
    Freeze(FreezeArgs),
    /// Compares an engine with what was published, and says which version it needs.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Folder of the engine's package.
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// Folder to put the library into. [default: `build` in the data folder]
    #[arg(long, value_name = "DIR", env = "REFIT_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Optimise for speed, or for a quick build.
    #[arg(long, value_enum, default_value_t, env = "REFIT_PROFILE")]
    pub(crate) profile: BuildProfile,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BuildProfile {
    #[default]
    Release,
    Dev,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The library.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The library.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
