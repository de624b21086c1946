//! How source is built, wherever a folder of source may be named, and what is kept of it.

use crate::units::bytes;
use clap::Args;
use clap::builder::BoolishValueParser;
use refit_build::{CACHE_BYTES_MAX, Features};
use std::path::PathBuf;

/// How an engine's source is compiled.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Building source")]
pub(crate) struct BuildingArgs {
    /// Features of the engine's package to build with, separated by commas.
    #[arg(
        long,
        value_name = "NAMES",
        env = "REFIT_FEATURES",
        value_delimiter = ','
    )]
    pub(crate) features: Vec<String>,
    /// Builds with all features of the engine's package.
    #[arg(long, env = "REFIT_ALL_FEATURES", value_parser = BoolishValueParser::new())]
    pub(crate) all_features: bool,
    /// Builds without the features that are on by default.
    #[arg(long, env = "REFIT_NO_DEFAULT_FEATURES", value_parser = BoolishValueParser::new())]
    pub(crate) no_default_features: bool,
    /// Keeps the information for debuggers and profilers in the library.
    #[arg(long, env = "REFIT_DEBUG_INFO", value_parser = BoolishValueParser::new())]
    pub(crate) debug_info: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// The cache of builds: its folder and its bound.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Building source")]
pub(crate) struct CacheArgs {
    /// Folder of compiled dependencies, for all engines and nodes. [default: `refit` in the user's
    /// cache folder]
    #[arg(long, value_name = "DIR", env = "REFIT_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Compiled code that is kept, there and in the data folder each, such as 500MiB. The longest unused goes first.
    /// [default: 10GiB]
    #[arg(long, value_name = "SIZE", env = "REFIT_CACHE_MAX", value_parser = bytes)]
    pub(crate) cache_max: Option<u64>,
}

impl BuildingArgs {
    pub(crate) fn features(&self) -> Features {
        let named = self.features.iter().map(|name| name.trim().to_owned());
        Features {
            named: named.filter(|name| !name.is_empty()).collect(),
            all: self.all_features,
            no_default: self.no_default_features,
        }
    }
}

impl CacheArgs {
    /// The folder of compiled dependencies; `None` if this user has no cache folder.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        let variable = |name| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let shared = || {
            let home = || Some(variable("HOME")?.join(".cache"));
            Some(variable("XDG_CACHE_HOME").or_else(home)?.join("refit"))
        };
        self.cache_dir.clone().or_else(shared)
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.cache_max.unwrap_or(CACHE_BYTES_MAX)
    }
}
