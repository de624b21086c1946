//! A kept library: whether it is what it was, and what it is called.

use super::facts::{CodeFacts, CodeState};
use refit_abi::host::Explained;
use refit_loader::{Candidate, OpenError, ProbeCommand, ProbedArtifact, ReadError, StagedArtifact};
use refit_store::ArchiveView;
use std::path::Path;

/// Looks at the library with this hash. With `probe` a child process loads it, and says what it is called.
pub(super) fn look(
    artifact: &str,
    archive: &dyn ArchiveView,
    probe: Option<&ProbeCommand>,
) -> CodeFacts {
    let (bytes, state) = match archive.code(artifact) {
        None => (0, CodeState::Missing),
        Some(path) => state(artifact, &path, probe),
    };
    CodeFacts {
        artifact: artifact.to_owned(),
        bytes,
        state,
    }
}

fn state(artifact: &str, path: &Path, probe: Option<&ProbeCommand>) -> (u64, CodeState) {
    let candidate = match Candidate::read(path) {
        Ok(candidate) => candidate,
        Err(error) => return (0, CodeState::Refused(Explained::of(&error))),
    };
    let bytes = candidate.bytes().len() as u64;
    let found = candidate.id().to_string();
    if found != artifact {
        return (bytes, CodeState::Changed { found });
    }
    let state = match probe.map(|probe| called(candidate, probe)) {
        None => CodeState::Unprobed,
        Some(Ok((package, version))) => CodeState::Kept { package, version },
        Some(Err(error)) => CodeState::Refused(Explained::of(&error)),
    };
    (bytes, state)
}

/// The package and the version of a library.
fn called(candidate: Candidate, probe: &ProbeCommand) -> Result<(String, String), OpenError> {
    let staged = StagedArtifact::stage(candidate.inspect()?, &std::env::temp_dir())?;
    let probed = ProbedArtifact::probe(staged, probe)?;
    let descriptor = probed.verdict().descriptor();
    let (package, version) = (&descriptor.package, &descriptor.package_version);
    Ok((package.clone(), version.clone()))
}

/// BLAKE3 of the library at a path.
pub(super) fn hash(path: &Path) -> Result<String, ReadError> {
    Candidate::read(path).map(|candidate| candidate.id().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_store::{Archive, DiskStore};

    #[test]
    fn a_library_is_what_its_hash_says_or_it_is_said_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).unwrap();
        let artifact = store.keep_code(b"a library").unwrap();
        let looked = look(&artifact, &store, None);
        assert_eq!((looked.bytes, looked.state), (9, CodeState::Unprobed));
        let path = store.code(&artifact).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(look(&artifact, &store, None).state, CodeState::Missing);
        std::fs::write(&path, b"another").unwrap();
        let found = blake3::hash(b"another").to_hex().to_string();
        assert_eq!(
            look(&artifact, &store, None).state,
            CodeState::Changed { found }
        );
    }
}
