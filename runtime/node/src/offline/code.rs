//! [`OldCode`]: where the code is found that a snapshot's states are of. Only bytes of the right hash are taken.

use crate::snapshot::{Offered, RestoreError, SnapshotFile};
use refit_loader::Candidate;
use refit_store::Sort;
use std::collections::BTreeMap;
use std::path::Path;

/// The folder of a store in which libraries are kept, and the end of their names.
const KEPT: (&str, &str) = ("code", "so");

/// Where the code of a snapshot's states may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct OldCode<'a> {
    /// Libraries that are named, each for a kind.
    pub libraries: &'a [Offered],
    /// The store of a data folder, whose kept libraries are looked through.
    pub store: Option<&'a Path>,
}

impl OldCode<'_> {
    /// The libraries of all kinds, by their hashes.
    ///
    /// # Errors
    /// [`RestoreError`], as a restore has it.
    pub(super) fn find(
        &self,
        file: &mut SnapshotFile,
    ) -> Result<BTreeMap<String, Candidate>, RestoreError> {
        let mut found = self.named(file)?;
        for kind in file.header().kinds.clone() {
            if found.contains_key(&kind.artifact) {
                continue;
            }
            let embedded = embedded(file, &kind.artifact)?;
            let library = embedded.or_else(|| self.kept(&kind.artifact));
            let library = library.ok_or_else(|| RestoreError::CodeMissing {
                kind: kind.kind.clone(),
                artifact: kind.artifact.clone(),
            })?;
            found.insert(kind.artifact, library);
        }
        Ok(found)
    }

    /// Those that are named: each must be the one that it is named as.
    fn named(&self, file: &SnapshotFile) -> Result<BTreeMap<String, Candidate>, RestoreError> {
        let mut found = BTreeMap::new();
        for Offered { kind, path } in self.libraries {
            let mut kinds = file.header().kinds.iter();
            let known = kinds.find(|known| known.kind == *kind);
            let known = known.ok_or_else(|| RestoreError::UnknownKind { kind: kind.clone() })?;
            let library = Candidate::read(path).map_err(|why| RestoreError::Library {
                path: path.clone(),
                why,
            })?;
            if library.id().to_string() != known.artifact {
                return Err(RestoreError::OtherCode {
                    kind: kind.clone(),
                    path: path.clone(),
                    found: library.id().to_string(),
                    artifact: known.artifact.clone(),
                });
            }
            found.insert(known.artifact.clone(), library);
        }
        Ok(found)
    }

    /// One that the data folder keeps, if it is what its name says.
    fn kept(&self, artifact: &str) -> Option<Candidate> {
        let (folder, end) = KEPT;
        let is_hash = artifact.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.store.filter(|_| is_hash)?.join(folder).join(artifact);
        let library = Candidate::read(&path.with_extension(end)).ok()?;
        (library.id().to_string() == artifact).then_some(library)
    }
}

/// One that the snapshot has.
fn embedded(file: &mut SnapshotFile, artifact: &str) -> Result<Option<Candidate>, RestoreError> {
    let mut records = file.reader.records().iter();
    let record = records
        .find(|record| record.name.sort == Sort::Code && record.name.name == artifact)
        .cloned();
    let Some(record) = record else {
        return Ok(None);
    };
    let bytes = file.reader.read(&record);
    let bytes = bytes.map_err(|source| file.damaged(source))?;
    let path = file.path().to_owned();
    let library = Candidate::from_bytes(bytes, path.clone());
    library
        .map(Some)
        .map_err(|why| RestoreError::Library { path, why })
}
