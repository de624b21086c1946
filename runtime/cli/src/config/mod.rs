//! The configuration file, and how flags and environment go over it.
//!
//! A key that the file format does not know is refused, with its place in the file. Paths in the
//! file are taken from the file's folder.

mod engine;
mod error;
mod file;
mod json_text;
mod place;

pub(crate) use engine::engines;
pub(crate) use error::ConfigError;
pub(crate) use file::{File, NodeSection};
pub(crate) use place::{data_dir, node_address, socket, token};

use crate::args::CommonArgs;
use crate::files::read_text;
use std::path::{Path, PathBuf};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "refit.toml";

/// Largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// The configuration file that `args` names, or the default one, or an empty one.
pub(crate) fn load(args: &CommonArgs) -> Result<File, ConfigError> {
    let path = match &args.config {
        Some(path) => path.clone(),
        None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
        None => return Ok(File::default()),
    };
    let text = read_text(&path, CONFIG_BYTES_MAX)?;
    let mut file: File =
        toml::from_str(&text).map_err(|error| ConfigError::invalid(&path, text, &error))?;
    file.resolve(path.parent().unwrap_or(Path::new("")));
    Ok(file)
}
