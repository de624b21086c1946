//! `refit init [PATH]`: a commented configuration file to begin with.

use crate::args::{CommonArgs, InitArgs, NamedPath};
use crate::config::{self, ConfigError, DEFAULT_FILE};
use crate::failure::Failure;
use crate::{files, show};
use std::path::Path;

pub(crate) fn run(common: &CommonArgs, args: &InitArgs) -> Result<(), Failure> {
    let named = common.config.as_deref();
    let path = args.path.join(named.unwrap_or(Path::new(DEFAULT_FILE)));
    if path.symlink_metadata().is_ok() {
        return Err(ConfigError::Exists { path }.into());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let engines = args.engines.iter().map(|engine| from(folder, engine));
    let engines: Vec<_> = engines.collect();
    files::write_text(&path, &config::sample(&engines))?;
    show::data(&format!("{}\n", path.display()))?;
    let named = match path == Path::new(".").join(DEFAULT_FILE) {
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
