//! Building and looking at engine libraries.

use super::{BuildingArgs, CacheArgs, CheckArgs, FreezeArgs, NewArgs, OutputArgs};
use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand, ValueEnum};
use refit_abi::EngineId;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Writes the package of a new engine, which builds and tests at once.
    New(NewArgs),
    /// Builds an engine's source into a library.
    Build(BuildArgs),
    /// Checks a library and shows what it says of itself.
    Inspect(InspectArgs),
    /// Writes a live engine's state to a file, as a fixture for tests.
    Capture(CaptureArgs),
    /// Rebuilds an engine on every save and swaps it into a running node; its state is kept.
    Dev(DevArgs),
    /// Publishes an engine's state: notes it in schema.lock and freezes its types.
    Freeze(FreezeArgs),
    /// Compares an engine with what was published, and says which version it needs.
    Check(CheckArgs),
    /// Removes compiled code that was not used for long, or what is named.
    Clean(CleanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Folder of the engine's package.
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// Folder to put the library into. [default: `build` in the data folder]
    #[arg(long, value_name = "DIR", env = "REFIT_BUILD_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Optimise for speed, or for a quick build.
    #[arg(long, value_enum, default_value_t, env = "REFIT_PROFILE")]
    pub(crate) profile: BuildProfile,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Removes what was compiled of the package in this folder. [default: what is above --cache-max]
    #[arg(value_name = "PATH", conflicts_with = "all")]
    pub(crate) source: Option<PathBuf>,
    /// Removes all compiled code, in the data folder and of dependencies, and all libraries.
    #[arg(long, env = "REFIT_CLEAN_ALL", value_parser = BoolishValueParser::new())]
    pub(crate) all: bool,
    /// Says what would go, and removes nothing.
    #[arg(long, env = "REFIT_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
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
pub(crate) struct CaptureArgs {
    /// The engine: its name, or the 32 digits of its id.
    #[arg(value_name = "ENGINE")]
    pub(crate) engine: EngineId,
    /// Where to write the fixture, for its owner alone; `-` is stdout. A file that is no fixture is not
    /// replaced.
    #[arg(long, value_name = "FILE", env = "REFIT_CAPTURE_OUT")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Folder of the engine's package.
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// Name of the engine, if a node must be started for it. [default: its kind]
    #[arg(long, value_name = "NAME", env = "REFIT_ENGINE")]
    pub(crate) engine: Option<String>,
    /// What the engine is started with, if a node must be started for it: a JSON text.
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        env = "REFIT_ENGINE_CONFIG"
    )]
    pub(crate) engine_config: String,
    /// With a save, starts all engines of a kind afresh of which one is poisoned: their states are dropped.
    #[arg(long, env = "REFIT_RESTART_POISONED", value_parser = BoolishValueParser::new())]
    pub(crate) restart_poisoned: bool,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    /// Shows where the time between the save and the swap went, and what the compiler warned of.
    #[arg(long, short, env = "REFIT_VERBOSE", value_parser = BoolishValueParser::new())]
    #[arg(help_heading = "Output")]
    pub(crate) verbose: bool,
    /// Prints one JSON object on a line for each save instead of text for people.
    #[arg(long, env = "REFIT_JSON", value_parser = BoolishValueParser::new())]
    #[arg(help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The library.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
