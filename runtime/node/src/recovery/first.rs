//! The first checkpoint of a chain: its engines have just started, there is no block, and nothing of them is anywhere
//! else.

use super::RecoveryError;
use super::about::About;
use crate::code::libraries;
use refit_abi::Height;
use refit_kernel::{Executor, ImageScope, StreamError};
use refit_loader::LoadedModule;
use refit_store::{Archive, Keep};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Keeps the libraries of a chain that begins.
pub(crate) fn keep_code<'a>(
    modules: impl Iterator<Item = &'a LoadedModule>,
    archive: &dyn Archive,
) -> Result<(), RecoveryError> {
    for module in modules {
        libraries::keep(module, archive).map_err(|source| RecoveryError::File {
            path: PathBuf::from(module.name()),
            source,
        })?;
    }
    Ok(())
}

/// Keeps the state before the first block.
pub(crate) fn keep(
    executor: &Executor,
    about: &About,
    archive: &dyn Archive,
) -> Result<(), RecoveryError> {
    let file = |source| RecoveryError::File {
        path: PathBuf::from("the first checkpoint"),
        source,
    };
    let new = archive.new_checkpoint().map_err(file)?;
    let mut to = BufWriter::new(new.file());
    let written = executor.write_image(&ImageScope::whole(usize::MAX), &mut to);
    written.map_err(|error| match error {
        StreamError::Write { source } => file(source),
        error => RecoveryError::Unwritten(error),
    })?;
    to.flush().map_err(file)?;
    drop(to);
    let keep = Keep {
        height: Height(0),
        about: about.to_bytes(),
        also: None,
        changes: Vec::new(),
    };
    archive.keep_checkpoint(new, keep)?;
    Ok(())
}
