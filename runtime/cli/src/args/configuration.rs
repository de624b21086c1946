//! The configuration file: writing one, and looking into it.

use super::{NamedPath, OutputArgs, RunArgs};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Folder to write the file into: refit.toml, or the one that --config names; it is made if it is not there.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// An engine that the file names: a library, or a folder of source. May be given several times.
    #[arg(long = "engine", value_name = "NAME=PATH")]
    pub(crate) engines: Vec<NamedPath>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Reads what `refit run` would be started with, and says where each value comes from.
    Check(ConfigCheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigCheckArgs {
    /// The configuration file. [default: as for `refit run`]
    pub(crate) file: Option<PathBuf>,
    /// The flags of `refit run` override the file, here as there.
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
