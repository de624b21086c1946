//! [`StagedArtifact`]: the bytes in a file that cannot change, under a name never used before.
//!
//! The dynamic linker takes two files for one when their paths or inodes are equal, and then gives
//! the *old* code without a word. So each staging gets a name with a serial number that grows for
//! the life of the process, and its file stays open until the library is unmapped: a file that is
//! open has an inode and a descriptor number that nothing else can have.

use crate::artifact::ArtifactId;
use crate::inspect::{InspectedArtifact, Inspection};
use crate::sys::memfd;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are hashed at a time when the staged file is read back.
const READ_BACK_BYTES: usize = 1 << 16;

/// Names tried for a private folder: others are left by processes that were killed.
const FOLDER_ATTEMPTS_MAX: u32 = 64;

/// Grows with each staging in this process.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// A name that no staging of this process had before.
fn next_name(id: ArtifactId) -> String {
    format!(
        "refit-{}-{}",
        id.short(),
        SERIAL.fetch_add(1, Ordering::Relaxed)
    )
}

/// Inspected bytes in a file that cannot change. Dropping it frees them.
#[derive(Debug)]
pub struct StagedArtifact {
    id: ArtifactId,
    name: String,
    inspection: Inspection,
    file: StagedFile,
}

impl StagedArtifact {
    /// Puts the bytes into a sealed file in memory; where the system refuses that, into a file in
    /// `folder`, in a sub-folder of its own. Then reads them back and compares the hash.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn stage(artifact: InspectedArtifact, folder: &Path) -> Result<Self, StageError> {
        let name = next_name(artifact.id());
        let file = match memfd::sealed(&name, artifact.bytes()) {
            Ok(descriptor) => StagedFile::Memory(File::from(descriptor)),
            Err(refused) => {
                StagedFile::copy(folder, &name, artifact.bytes()).map_err(|source| {
                    StageError::NoPlace {
                        refused: Some(refused),
                        source,
                    }
                })?
            }
        };
        Self::checked(artifact, name, file)
    }

    /// As [`StagedArtifact::stage`], but always into a private copy in `folder`: for systems where
    /// nothing may be executed from memory.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn stage_copy(artifact: InspectedArtifact, folder: &Path) -> Result<Self, StageError> {
        let name = next_name(artifact.id());
        let file = StagedFile::copy(folder, &name, artifact.bytes()).map_err(|source| {
            StageError::NoPlace {
                refused: None,
                source,
            }
        })?;
        Self::checked(artifact, name, file)
    }

    /// The staged file, if it holds the bytes that were inspected.
    fn checked(
        artifact: InspectedArtifact,
        name: String,
        file: StagedFile,
    ) -> Result<Self, StageError> {
        let id = artifact.id();
        let found = file
            .hash()
            .map_err(|source| StageError::ReadBack { source })?;
        if found != id {
            return Err(StageError::Changed {
                expected: id,
                found,
            });
        }
        Ok(Self {
            id,
            name,
            inspection: artifact.inspection().clone(),
            file,
        })
    }

    /// The id.
    pub fn id(&self) -> ArtifactId {
        self.id
    }

    /// The name, unique in the life of this process.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The result of the inspection.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// The path under which this process opens it.
    pub(crate) fn path(&self) -> PathBuf {
        self.file.path("self")
    }

    /// The path under which a child of this process opens it, as long as this value lives.
    pub fn path_for_child(&self) -> PathBuf {
        self.file.path(&std::process::id().to_string())
    }

    /// The name that its mappings have in `/proc/self/maps`.
    pub(crate) fn mapped_name(&self) -> String {
        match &self.file {
            StagedFile::Memory(_) => format!("/memfd:{}", self.name),
            StagedFile::Copy { path, .. } => path.to_string_lossy().into_owned(),
        }
    }
}

impl AsFd for StagedArtifact {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.file().as_fd()
    }
}

/// The place of the bytes: a file in memory or on disk.
#[derive(Debug)]
enum StagedFile {
    Memory(File),
    /// Removed from the folder when dropped.
    Copy {
        file: File,
        path: PathBuf,
    },
}

impl StagedFile {
    /// A new file that only its owner can read, in a new folder that only its owner can enter.
    fn copy(parent: &Path, name: &str, bytes: &[u8]) -> io::Result<Self> {
        Self::filled(parent, name, |writer| writer.write_all(bytes))
    }

    /// As [`StagedFile::copy`], filled by `fill`. If that fails, nothing of it stays.
    fn filled(
        parent: &Path,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let folder = private_folder(&parent.canonicalize()?, name)?;
        let path = folder.join(format!("{name}.so"));
        match write_private(&path, fill) {
            Ok(file) => Ok(Self::Copy { file, path }),
            Err(error) => {
                remove(&path);
                Err(error)
            }
        }
    }

    fn file(&self) -> &File {
        match self {
            Self::Memory(file) | Self::Copy { file, .. } => file,
        }
    }

    fn path(&self, process: &str) -> PathBuf {
        match self {
            Self::Memory(file) => format!("/proc/{process}/fd/{}", file.as_raw_fd()).into(),
            Self::Copy { path, .. } => path.clone(),
        }
    }

    fn hash(&self) -> io::Result<ArtifactId> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BACK_BYTES];
        let mut offset = 0;
        loop {
            let read = self.file().read_at(&mut buffer, offset)?;
            if read == 0 {
                return Ok(ArtifactId::from_bytes(*hasher.finalize().as_bytes()));
            }
            hasher.update(&buffer[..read]);
            offset += read as u64;
        }
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Self::Copy { path, .. } = self {
            remove(path);
        }
    }
}

/// Writes the file at `path`, which must not be there, and opens it to be read.
fn write_private(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
    let mut writer = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(path)?;
    fill(&mut writer)?;
    // So that what the disk refuses shows here, and not as a fault when a page is first touched.
    writer.sync_all()?;
    // Opened anew, to read alone: from here on nothing in this process can change it.
    File::open(path)
}

/// Removes a private copy and its folder. Nothing is lost if they stay: no later staging takes the same
/// name.
fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
    let _ = path.parent().map(std::fs::remove_dir);
}

/// Makes a folder that did not exist, so that nobody can have prepared it.
fn private_folder(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..FOLDER_ATTEMPTS_MAX {
        let folder = parent.join(format!("{name}-{}-{attempt}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
            Err(error) => return Err(error),
        }
    }
    Err(taken)
}

/// Why bytes could not be staged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// Neither memory nor folder took them.
    #[error("cannot stage the module in a private copy: {source}{}", memory(.refused.as_ref()))]
    NoPlace {
        /// Why not in memory, if that was tried.
        refused: Option<io::Error>,
        /// Why not in the folder.
        source: io::Error,
    },
    /// The staged bytes cannot be read.
    #[error("cannot read the staged module back: {source}")]
    ReadBack {
        /// The system's error.
        source: io::Error,
    },
    /// The staged bytes are not those that were inspected.
    #[error("the staged module has hash {found}, expected {expected}")]
    Changed {
        /// The hash of what was inspected.
        expected: ArtifactId,
        /// The hash of what was staged.
        found: ArtifactId,
    },
}

/// Why memory was refused, for the end of a message.
fn memory(refused: Option<&io::Error>) -> String {
    refused
        .map(|refused| format!("; a file in memory was refused: {refused}"))
        .unwrap_or_default()
}

impl Explain for StageError {
    fn code(&self) -> &str {
        match self {
            Self::NoPlace { .. } => codes::STAGE_NO_PLACE,
            Self::ReadBack { .. } => codes::STAGE_UNREADABLE,
            Self::Changed { .. } => codes::STAGE_CHANGED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NoPlace { .. } => {
                "give the node memory, or a temporary folder that it may write and execute in"
            }
            Self::ReadBack { .. } | Self::Changed { .. } => {
                "try again; if it stays, check the machine's memory and disk"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_copy_holds_the_bytes_and_goes_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let file = StagedFile::copy(folder.path(), "refit-x-1", b"bytes").unwrap();
        let path = file.path("self");
        assert_eq!(file.hash().unwrap(), ArtifactId::of(b"bytes"));
        let other = StagedFile::copy(folder.path(), "refit-x-1", b"other").unwrap();
        assert_ne!(path, other.path("self"), "no path twice");
        drop((file, other));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn of_a_copy_that_could_not_be_written_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let full = |writer: &mut File| {
            writer.write_all(b"the first half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let refused = StagedFile::filled(folder.path(), "refit-x-1", full).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
