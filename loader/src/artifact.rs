//! [`Candidate`]: the bytes of a file that may be a module. An artifact is named as a release names its files.
//!
//! First state of the flow `Candidate → InspectedArtifact → StagedArtifact → ProbedArtifact →
//! LoadedModule`. From here on nothing looks at the file again: what is inspected, staged, probed
//! and mapped are these bytes.

use crate::inspect::{InspectError, InspectedArtifact, inspect};
use refit_abi::codes;
use refit_abi::host::Explain;
pub use refit_release::content::{ContentIdError as ArtifactIdError, FileId as ArtifactId};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Longest module that is read, in bytes.
pub const ARTIFACT_BYTES_MAX: u64 = 256 << 20;

/// Bytes that may be a module, with their id.
#[derive(Clone)]
pub struct Candidate {
    bytes: Vec<u8>,
    id: ArtifactId,
    origin: PathBuf,
}

impl Candidate {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ReadError`] if it cannot be read, is no regular file or is too long.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let unreadable = |source| ReadError::Unreadable {
            path: path.to_owned(),
            source,
        };
        // A pipe would have its opener wait for a writer that may never come.
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(ReadError::NotAFile {
                path: path.to_owned(),
            });
        }
        let mut bytes = Vec::new();
        file.take(ARTIFACT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Self::from_bytes(bytes, path.to_owned())
    }

    /// Takes bytes that were read elsewhere; `origin` is only for messages.
    ///
    /// # Errors
    /// [`ReadError::TooLong`].
    pub fn from_bytes(bytes: Vec<u8>, origin: PathBuf) -> Result<Self, ReadError> {
        if bytes.len() as u64 > ARTIFACT_BYTES_MAX {
            return Err(ReadError::TooLong { path: origin });
        }
        Ok(Self {
            id: ArtifactId::of(&bytes),
            bytes,
            origin,
        })
    }

    /// The BLAKE3 hash of the bytes.
    pub fn id(&self) -> ArtifactId {
        self.id
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path that they were read from.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// Checks the rules that can be checked without running anything.
    ///
    /// # Errors
    /// [`InspectError`] names the first rule that does not hold.
    pub fn inspect(self) -> Result<InspectedArtifact, InspectError> {
        let inspection = inspect(&self.bytes)?;
        Ok(InspectedArtifact::new(self, inspection))
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("id", &self.id)
            .field("origin", &self.origin)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// Why a file gave no [`Candidate`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read the module {}: {source}", path.display())]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A folder, pipe or device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path that is no file.
        path: PathBuf,
    },
    /// Longer than a module may be.
    #[error("{} is longer than {ARTIFACT_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// The path of the file.
        path: PathBuf,
    },
}

impl Explain for ReadError {
    fn code(&self) -> &str {
        match self {
            Self::Unreadable { .. } => codes::MODULE_UNREADABLE,
            Self::NotAFile { .. } => codes::MODULE_NOT_A_FILE,
            Self::TooLong { .. } => codes::MODULE_TOO_LONG,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unreadable { .. } => "check the path and its permissions",
            Self::NotAFile { .. } => {
                "name the .so file that `refit engine build` printed, not its folder"
            }
            Self::TooLong { .. } => "strip the module: `refit engine build` does",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_missing_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            Candidate::read(folder.path()).unwrap_err().code(),
            "module-not-a-file"
        );
        let missing = folder.path().join("missing.so");
        assert_eq!(
            Candidate::read(&missing).unwrap_err().code(),
            "module-unreadable"
        );
    }

    #[test]
    fn a_pipe_is_no_module_and_nobody_waits_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe.so");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let error = Candidate::read(&path).unwrap_err();
        assert!(matches!(error, ReadError::NotAFile { .. }), "{error}");
    }
}
