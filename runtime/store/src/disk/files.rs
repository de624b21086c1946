//! The folder of a store, and files in it that are trusted by their names: each is synced, and its folder too, before
//! its name counts.
//!
//! ```text
//! FOLDER/blocks.redb              blocks, journal, records, the list of checkpoints
//! FOLDER/checkpoints/NUMBER.image states; one that the list does not name is swept away at the start
//! FOLDER/code/BLAKE3.so           libraries, by the hash of their bytes
//! FOLDER/*/*.part                 not finished: swept away at the start
//! ```

use crate::{NewCheckpoint, OpenError};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Mode of the folders: for this user alone.
const FOLDER_MODE: u32 = 0o700;

/// Mode of a file of states.
const FILE_MODE: u32 = 0o600;

/// Mode of a library, which a child process maps.
const CODE_MODE: u32 = 0o500;

const IMAGE: &str = "image";
const CODE: &str = "so";
const PART: &str = "part";

/// Where a store's files are.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Makes the folders that are not there.
    pub(super) fn make(folder: &Path) -> Result<Self, OpenError> {
        let files = Self {
            folder: folder.to_owned(),
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
        for made in [Some(folder), parent].into_iter().flatten() {
            sync_folder(made).map_err(|error| OpenError::io(made, error))?;
        }
        Ok(files)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn blocks(&self) -> PathBuf {
        self.folder.join("blocks.redb")
    }

    fn checkpoints(&self) -> PathBuf {
        self.folder.join("checkpoints")
    }

    fn codes(&self) -> PathBuf {
        self.folder.join("code")
    }

    /// The file of a checkpoint.
    pub(super) fn checkpoint(&self, number: u64) -> PathBuf {
        self.checkpoints().join(format!("{number:020}.{IMAGE}"))
    }

    /// A file for a checkpoint that is not finished.
    pub(super) fn new_checkpoint(&self) -> io::Result<NewCheckpoint> {
        let path = self.checkpoints().join(format!("new.{PART}"));
        let file = open_new(&path, FILE_MODE)?;
        Ok(NewCheckpoint::new(file, path))
    }

    /// Gives a finished file its name, for good.
    pub(super) fn finish(&self, new: &mut NewCheckpoint, number: u64) -> io::Result<()> {
        new.file().sync_all()?;
        fs::rename(new.path(), self.checkpoint(number))?;
        new.named();
        sync_folder(&self.checkpoints())
    }

    /// Removes all files of checkpoints but these.
    pub(super) fn keep_only_checkpoints(&self, numbers: &BTreeSet<u64>) -> io::Result<()> {
        let names: BTreeSet<_> = numbers
            .iter()
            .map(|number| self.checkpoint(*number))
            .collect();
        keep_only(&self.checkpoints(), |path| names.contains(path))
    }

    /// Where a library is, if it is kept.
    pub(super) fn code(&self, artifact: &str) -> Option<PathBuf> {
        // It comes from records that may be damaged, and becomes a part of a path.
        let is_hash = artifact.len() == 2 * blake3::OUT_LEN
            && artifact.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.codes().join(artifact).with_extension(CODE);
        (is_hash && path.is_file()).then_some(path)
    }

    /// Keeps a library under its hash.
    pub(super) fn keep_code(&self, bytes: &[u8]) -> io::Result<String> {
        let artifact = blake3::hash(bytes).to_hex().to_string();
        let path = self.codes().join(&artifact).with_extension(CODE);
        // One that was changed or cut short is written anew.
        if fs::read(&path).is_ok_and(|kept| kept == bytes) {
            return Ok(artifact);
        }
        let part = path.with_extension(PART);
        let mut file = open_new(&part, CODE_MODE)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Nobody may have it open for writing when it is mapped.
        drop(file);
        fs::rename(&part, &path)?;
        sync_folder(&self.codes())?;
        Ok(artifact)
    }

    /// Removes all libraries but these.
    pub(super) fn keep_only_code(&self, artifacts: &BTreeSet<String>) -> io::Result<()> {
        let name = |artifact: &String| self.codes().join(artifact).with_extension(CODE);
        let names: BTreeSet<_> = artifacts.iter().map(name).collect();
        keep_only(&self.codes(), |path| names.contains(path))
    }
}

/// A file that is there for nobody else; what was left of an earlier one goes.
fn open_new(path: &Path, mode: u32) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode).open(path)
}

fn keep_only(folder: &Path, keeps: impl Fn(&Path) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !keeps(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Names in a folder are durable only once it is synced itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
