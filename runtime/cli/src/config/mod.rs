//! The configuration file, and how flags and environment go over it.
//!
//! A key that the file format does not know is refused, with its place in the file. Paths in the
//! file are taken from the file's folder.

mod engine;
mod error;
mod file;
pub(crate) mod group;
mod json_text;
mod keys;
#[cfg(test)]
mod page;
mod place;
mod sample;
mod written;

pub(crate) use engine::{engines, of_file as engines_of};
pub(crate) use error::ConfigError;
pub(crate) use file::{File, NodeSection};
pub(crate) use keys::{KEYS, Key};
pub(crate) use place::{data_dir, node_address, socket, token};
pub(crate) use sample::sample;

use crate::args::CommonArgs;
use crate::files::read_text;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file that is read when none is named.
pub(crate) const DEFAULT_FILE: &str = "refit.toml";

/// Largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// The configuration file that `args` names, or the default one, or an empty one.
pub(crate) fn load(args: &CommonArgs) -> Result<File, ConfigError> {
    read(args)?.map_or_else(|| Ok(File::default()), |text| text.parse())
}

/// The text of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text {
    /// Where it was read.
    path: PathBuf,
    pub(crate) text: String,
}

/// The text of the file that `args` names, or of the default one, if there is one.
pub(crate) fn read(args: &CommonArgs) -> Result<Option<Text>, ConfigError> {
    let Some(path) = path(args) else {
        return Ok(None);
    };
    let text = read_text(&path, CONFIG_BYTES_MAX)?;
    Ok(Some(Text { path, text }))
}

impl Text {
    /// What it says.
    pub(crate) fn parse(self) -> Result<File, ConfigError> {
        let Self { path, text } = self;
        let mut file: File =
            toml::from_str(&text).map_err(|error| ConfigError::invalid(&path, text, &error))?;
        file.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(file)
    }
}

/// The path of the configuration file, if there is one.
pub(crate) fn path(args: &CommonArgs) -> Option<PathBuf> {
    let default = || Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists());
    args.config.clone().or_else(default)
}

/// The file as it is written, key by key; one that [`load`] takes.
pub(crate) fn table(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = read_text(path, CONFIG_BYTES_MAX)?;
    toml::from_str(&text).map_err(|error| ConfigError::invalid(path, text, &error))
}
