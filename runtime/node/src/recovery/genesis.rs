//! [`Genesis`]: the beginning of a chain of which no checkpoint can be written, because the state of an engine cannot.
//! Each start begins it anew and executes the whole log; what is lost is time, and the disk that the log takes.

use super::RecoveryError;
use super::about::About;
use super::kept::{Code, load};
use crate::blocks::chain::Root;
use refit_abi::EngineId;
use refit_kernel::Parameters;
use refit_loader::Loader;
use refit_store::{Archive, ArchiveView, Fault, RecordChange};
use serde::{Deserialize, Serialize};

/// The name of the record.
const NAME: &str = "genesis";

/// The beginning of a chain.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Genesis {
    about: Vec<u8>,
    pub(crate) parameters: Parameters,
    roots: Vec<StoredRoot>,
}

/// An engine that the chain begins with.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRoot {
    id: EngineId,
    kind: String,
    config: String,
}

impl Genesis {
    pub(crate) fn new(about: &About, parameters: Parameters, roots: &[Root]) -> Self {
        let stored = |root: &Root| StoredRoot {
            id: root.id,
            kind: root.kind.clone(),
            config: root.config.clone(),
        };
        Self {
            about: about.to_bytes(),
            parameters,
            roots: roots.iter().map(stored).collect(),
        }
    }

    pub(crate) fn write(&self, archive: &dyn Archive) -> Result<(), Fault> {
        let content = postcard::to_allocvec(self).map_err(|error| Fault::Disk {
            detail: error.to_string(),
        })?;
        archive.set_records(vec![RecordChange::put(NAME, content)])
    }

    /// The one that is written down, if the chain has no checkpoint.
    pub(crate) fn read(archive: &dyn ArchiveView) -> Result<Option<Self>, Fault> {
        let content = archive.record(NAME)?;
        Ok(content.and_then(|content| postcard::from_bytes(&content).ok()))
    }

    /// The engines that start.
    pub(crate) fn roots(&self) -> Vec<Root> {
        let root = |stored: &StoredRoot| Root {
            id: stored.id,
            kind: stored.kind.clone(),
            config: stored.config.clone(),
        };
        self.roots.iter().map(root).collect()
    }

    /// What it is of.
    pub(crate) fn about(&self) -> Result<About, String> {
        About::from_bytes(&self.about)
    }

    /// What it is of, and its code, loaded.
    pub(crate) fn load(
        &self,
        archive: &dyn Archive,
        loader: &Loader,
    ) -> Result<(About, Code), RecoveryError> {
        let about = self.about();
        let about = about.map_err(|why| RecoveryError::NoCheckpoint { why })?;
        let code = load(&about, archive, loader)?;
        Ok((about, code))
    }
}
