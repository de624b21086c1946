//! `refit init [PATH]`: a commented configuration file to begin with.

use crate::args::{InitArgs, NamedPath};
use crate::config::{self, ConfigError, DEFAULT_FILE};
use crate::failure::Failure;
use crate::{files, show};
use std::path::Path;

pub(crate) fn run(args: &InitArgs) -> Result<(), Failure> {
    let path = args.path.join(DEFAULT_FILE);
    if path.symlink_metadata().is_ok() {
        return Err(ConfigError::Exists { path }.into());
    }
    let engines = args.engines.iter().map(|engine| from(&args.path, engine));
    let engines: Vec<_> = engines.collect();
    files::write_text(&path, &config::sample(&engines))?;
    show::data(&format!("{}\n", path.display()))?;
    let named = match args.path == Path::new(".") {
        true => String::new(),
        false => format!(" --config {}", path.display()),
    };
    show::next(match engines.is_empty() {
        true => format!("refit run --engine NAME=PATH{named}"),
        false => format!("refit run{named}"),
    });
    Ok(())
}

/// The engine as a file in `folder` names it: paths in it begin there.
fn from(folder: &Path, engine: &NamedPath) -> NamedPath {
    let path = match folder == Path::new(".") {
        true => engine.path.clone(),
        false => std::path::absolute(&engine.path).unwrap_or_else(|_| engine.path.clone()),
    };
    NamedPath {
        name: engine.name.clone(),
        path,
    }
}
