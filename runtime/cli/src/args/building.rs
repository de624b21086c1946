//! How source is built, wherever a folder of source may be named, and what is kept of it.

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
    /// Keeps in the library what debuggers and profilers read.
    #[arg(long, env = "REFIT_DEBUG_INFO", value_parser = BoolishValueParser::new())]
    pub(crate) debug_info: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// What is kept of builds.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Building source")]
pub(crate) struct CacheArgs {
    /// Folder of compiled dependencies, for all engines and nodes. [default: `refit` in the user's
    /// cache folder]
    #[arg(long, value_name = "DIR", env = "REFIT_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Bytes of compiled code that are kept, there and in the data folder each, such as 500MiB. What
    /// was not used for longest goes first. [default: 10GiB]
    #[arg(long, value_name = "BYTES", env = "REFIT_CACHE_MAX", value_parser = bytes)]
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
    /// Where compiled dependencies are; `None` if this user has no folder for such things.
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

/// A number of bytes, with or without a unit.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{text}` is no number of bytes: write such as 500MiB, 10GiB or 1000000");
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("", 0)];
    let split = units
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (number, shift) = split.ok_or_else(wrong)?;
    let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_with_a_unit_or_plain() {
        assert_eq!(bytes("12"), Ok(12));
        assert_eq!(bytes("2KiB"), Ok(2048));
        assert_eq!(bytes("3 GiB"), Ok(3 << 30));
        for wrong in ["", "GiB", "-1", "1GB", "99999999999TiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
