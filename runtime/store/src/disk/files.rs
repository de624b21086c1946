//! The folder of a store, and files in it that are trusted by their names: each is synced, and its folder too, before
//! its name counts.
//!
//! ```text
//! FOLDER/blocks.redb              blocks, journal, records, the list of checkpoints
//! FOLDER/checkpoints/NUMBER.image states; one that the list does not name is swept away at the start
//! FOLDER/code/BLAKE3.so           libraries, by the hash of their bytes
//! FOLDER/*/*.part                 not finished: swept away at the start
//! FOLDER/newest                   the how far the log came, by which a loss of its end is seen; trusted if it is whole
//! ```

use crate::{
    FileAt, FileOf, NewCheckpoint, OpenError, Step, Steps, Unheard, read_file, remove_whole,
};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Mode of the folders: for this user alone.
const FOLDER_MODE: u32 = 0o700;

/// Mode of a file of states.
const FILE_MODE: u32 = 0o600;

/// Mode of a library, which a child process maps.
const CODE_MODE: u32 = 0o500;

const IMAGE: &str = "image";
const CODE: &str = "so";
const PART: &str = "part";

/// How a checkpoint is called that is not finished.
const NEW: &str = "new";

/// Digits of a checkpoint's number.
const NUMBER_DIGITS: usize = 20;

/// Where a store's files are.
pub(super) struct Files {
    folder: PathBuf,
    steps: Arc<dyn Steps>,
}

impl Files {
    /// In this folder, as it is.
    pub(super) fn within(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            steps: Arc::new(Unheard),
        }
    }

    /// Makes the folders that are not there.
    pub(super) fn make(folder: &Path, steps: Arc<dyn Steps>) -> Result<Self, OpenError> {
        let files = Self {
            steps,
            ..Self::within(folder)
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE);
        for made in [files.checkpoints(), files.codes()] {
            builder
                .create(&made)
                .map_err(|error| OpenError::io(&made, error))?;
        }
        let parent = folder
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        files.keep_names()?;
        if let Some(parent) = parent {
            sync_folder(parent).map_err(|error| OpenError::io(parent, error))?;
        }
        Ok(files)
    }

    /// Has the names of what is in the folder itself outlive a power cut.
    pub(super) fn keep_names(&self) -> Result<(), OpenError> {
        let folder = &self.folder;
        sync_folder(folder).map_err(|error| OpenError::io(folder, error))
    }

    /// Whoever hears of the steps of this store.
    pub(super) fn steps(&self) -> &Arc<dyn Steps> {
        &self.steps
    }

    fn at(&self, of: FileOf, at: FileAt) {
        self.steps.at(Step::File { of, at });
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn blocks(&self) -> PathBuf {
        self.folder.join("blocks.redb")
    }

    /// Where it is noted how far the log came.
    pub(super) fn newest(&self) -> PathBuf {
        self.folder.join("newest")
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.folder.join("checkpoints")
    }

    /// Whether there are checkpoints or libraries.
    pub(super) fn has_any(&self) -> bool {
        let has_some = |folder: PathBuf| {
            std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
        };
        has_some(self.checkpoints()) || has_some(self.codes())
    }

    pub(super) fn codes(&self) -> PathBuf {
        self.folder.join("code")
    }

    /// The file of a checkpoint.
    pub(super) fn checkpoint(&self, number: u64) -> PathBuf {
        self.checkpoints()
            .join(format!("{number:0NUMBER_DIGITS$}.{IMAGE}"))
    }

    /// A file for a checkpoint that is not finished.
    pub(super) fn new_checkpoint(&self) -> io::Result<NewCheckpoint> {
        let path = self.checkpoints().join(format!("{NEW}.{PART}"));
        let file = open_new(&path, FILE_MODE)?;
        Ok(NewCheckpoint::new(file, path))
    }

    /// Gives a finished file its name, for good.
    pub(super) fn finish(&self, new: &mut NewCheckpoint, number: u64) -> io::Result<()> {
        let of = FileOf::Checkpoint;
        self.at(of, FileAt::Written);
        new.file().sync_all()?;
        self.at(of, FileAt::Synced);
        fs::rename(new.path(), self.checkpoint(number))?;
        new.named();
        self.at(of, FileAt::Named);
        sync_folder(&self.checkpoints())?;
        self.at(of, FileAt::Kept);
        Ok(())
    }

    /// Removes all files of checkpoints but these.
    pub(super) fn keep_only_checkpoints(&self, numbers: &BTreeSet<u64>) -> io::Result<()> {
        let names: BTreeSet<_> = numbers
            .iter()
            .map(|number| self.checkpoint(*number))
            .collect();
        self.keep_only(FileOf::Checkpoint, &names)
    }

    /// Where a library is, if it is kept.
    pub(super) fn code(&self, artifact: &str) -> Option<PathBuf> {
        // It comes from records that may be damaged, and becomes a part of a path.
        let path = self.codes().join(artifact).with_extension(CODE);
        (is_hash(artifact) && path.is_file()).then_some(path)
    }

    /// Keeps a library under its hash.
    pub(super) fn keep_code(&self, bytes: &[u8]) -> io::Result<String> {
        let artifact = blake3::hash(bytes).to_hex().to_string();
        let path = self.codes().join(&artifact).with_extension(CODE);
        // One that was changed or cut short is written anew.
        if read_file(&path, bytes.len() as u64).is_ok_and(|kept| kept == bytes) {
            return Ok(artifact);
        }
        let part = path.with_extension(PART);
        let mut file = open_new(&part, CODE_MODE)?;
        let of = FileOf::Code;
        file.write_all(bytes)?;
        self.at(of, FileAt::Written);
        file.sync_all()?;
        self.at(of, FileAt::Synced);
        // Nobody may have it open for writing when it is mapped.
        drop(file);
        fs::rename(&part, &path)?;
        self.at(of, FileAt::Named);
        sync_folder(&self.codes())?;
        self.at(of, FileAt::Kept);
        Ok(artifact)
    }

    /// Removes all libraries but these.
    pub(super) fn keep_only_code(&self, artifacts: &BTreeSet<String>) -> io::Result<()> {
        let name = |artifact: &String| self.codes().join(artifact).with_extension(CODE);
        let names: BTreeSet<_> = artifacts.iter().map(name).collect();
        self.keep_only(FileOf::Code, &names)
    }

    /// Removes all files of the store's in a folder but these. What has no name of a file of the store's is left as it is: the
    /// folder may not be what it was, and that not be ours. What cannot be removed stays too: nothing depends on it.
    fn keep_only(&self, of: FileOf, names: &BTreeSet<PathBuf>) -> io::Result<()> {
        let folder = match of {
            FileOf::Checkpoint => self.checkpoints(),
            FileOf::Code => self.codes(),
        };
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if names.contains(&path) || !is_of_store(of, &path) {
                continue;
            }
            self.steps.at(Step::FileGoes { of });
            if let Err(error) = remove_whole(&path) {
                tracing::warn!(path = %path.display(), %error, "what the store does not need any more cannot be removed");
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Files");
        shown.field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Whether a name is one of a file that the store makes in this folder.
fn is_of_store(of: FileOf, path: &Path) -> bool {
    let part = |part: Option<&OsStr>| part.and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let (stem, extension) = (part(path.file_stem()), part(path.extension()));
    let is_number = stem.len() == NUMBER_DIGITS && stem.bytes().all(|byte| byte.is_ascii_digit());
    match (of, extension.as_str()) {
        (FileOf::Checkpoint, IMAGE) => is_number,
        (FileOf::Checkpoint, PART) => stem == NEW,
        (FileOf::Code, CODE | PART) => is_hash(&stem),
        _ => false,
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 2 * blake3::OUT_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file that is there for nobody else; what was left of an earlier one goes.
fn open_new(path: &Path, mode: u32) -> io::Result<File> {
    remove_whole(path)?;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Names in a folder are durable only once it is synced itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
