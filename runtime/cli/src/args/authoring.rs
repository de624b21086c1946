//! The commands for an author, before a node runs the engine.

use super::{BuildingArgs, OutputArgs};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Name of the package and of its engine kind.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Folder to write, which must be empty or not be there. [default: NAME]
    #[arg(long, value_name = "DIR", env = "REFIT_NEW_PATH")]
    pub(crate) path: Option<PathBuf>,
    /// Checkout of Refit that the engine is built against. [default: the one this program is from]
    #[arg(long, value_name = "PATH", env = "REFIT_CHECKOUT")]
    pub(crate) refit: Option<PathBuf>,
    /// Repository of Refit that the manifest names in place of a checkout on this machine: others can build the package
    /// too.
    #[arg(long, value_name = "URL", conflicts_with = "refit", env = "REFIT_GIT")]
    pub(crate) git: Option<String>,
    /// Revision of that repository. [default: the newest]
    #[arg(long, value_name = "REV", requires = "git")]
    pub(crate) rev: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FreezeArgs {
    /// Folder of the engine's package.
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// Writes the frozen types of one published version anew, and publishes nothing; an existing file that differs is
    /// set aside as MODULE.rs.before.
    #[arg(long, value_name = "MODULE")]
    pub(crate) restore: Option<String>,
    /// Removes a kind that no node runs any more from schema.lock.
    #[arg(long, value_name = "KIND", conflicts_with = "restore")]
    pub(crate) forget: Option<String>,
    /// Publishes the state of this library of the package, such as one that a node runs, in place of that of the
    /// present source.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["restore", "forget"])]
    pub(crate) library: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Folder of the engine's package.
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// A library, a folder of source, or a git revision of the package. [default: what was
    /// published last]
    #[arg(long, value_name = "REV|PATH", env = "REFIT_BASELINE")]
    pub(crate) baseline: Option<String>,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
