//! Whether a generation on probation can be taken back: all that a start would need for it is there and whole. Looked
//! at before anything is decided.

use super::about::About;
use super::checkpoints::way_back;
use super::image_file::look_through;
use crate::probation::OnProbation;
use refit_abi::Height;
use refit_loader::{ARTIFACT_BYTES_MAX, ArtifactId};
use refit_store::{Archive, Fault, Store, open_file, read_file};
use std::io;
use std::path::PathBuf;

/// Why there is no way back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoWayBack {
    #[error("no checkpoint of the generation before is kept")]
    NoCheckpoint,
    #[error("the checkpoint of the generation before, {}, cannot be read: {why}", path.display())]
    Checkpoint { path: PathBuf, why: String },
    #[error("the library {artifact} of the kind `{kind}` is not kept")]
    CodeMissing { kind: String, artifact: String },
    #[error("the library {} is not what it was", path.display())]
    CodeChanged { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Code { path: PathBuf, source: io::Error },
    #[error("the log: {why}")]
    Log { why: String },
    #[error(transparent)]
    Store(#[from] Fault),
}

/// Looks for the way back.
pub(crate) fn check(
    on: &OnProbation,
    store: &dyn Store,
    archive: &dyn Archive,
) -> Result<(), NoWayBack> {
    let number = way_back(archive, Some(on))?.ok_or(NoWayBack::NoCheckpoint)?;
    let kept = archive.checkpoints()?.into_iter();
    let mut kept = kept.filter(|checkpoint| checkpoint.number == number);
    let checkpoint = kept.next().ok_or(NoWayBack::NoCheckpoint)?;
    let path = checkpoint.path.clone();
    let damaged = |why: String| NoWayBack::Checkpoint {
        path: path.clone(),
        why,
    };
    let about = About::from_bytes(&checkpoint.about).map_err(damaged)?;
    let file = open_file(&checkpoint.path).map_err(|error| damaged(error.to_string()))?;
    look_through(&file).map_err(|error| damaged(error.to_string()))?;
    code(&about, archive)?;
    // The first and the last that would be needed: the log has no gaps. They may not be made yet.
    let last = store.last();
    let needed = [checkpoint.height.next(), on.after.next()].into_iter();
    for height in needed.filter(|height| *height <= last) {
        let read = store.read(height);
        read.map_err(|error| NoWayBack::Log {
            why: error.to_string(),
        })?;
    }
    Ok(())
}

/// The bytes of the log behind a block.
pub(crate) fn log_bytes(after: Height, store: &dyn Store) -> u64 {
    let last = store.durable_height();
    let blocks = (after.0 + 1..=last.0).map_while(|height| store.read(Height(height)).ok());
    blocks.map(|block| block.len() as u64).sum()
}

/// Whether its libraries are there, and what they were.
fn code(about: &About, archive: &dyn Archive) -> Result<(), NoWayBack> {
    for kind in &about.kinds {
        let path = archive.code(&kind.artifact);
        let path = path.ok_or_else(|| NoWayBack::CodeMissing {
            kind: kind.kind.clone(),
            artifact: kind.artifact.clone(),
        })?;
        match read_file(&path, ARTIFACT_BYTES_MAX) {
            Ok(bytes) if ArtifactId::of(&bytes).to_string() == kind.artifact => {}
            Ok(_) => return Err(NoWayBack::CodeChanged { path }),
            Err(source) => return Err(NoWayBack::Code { path, source }),
        }
    }
    Ok(())
}
