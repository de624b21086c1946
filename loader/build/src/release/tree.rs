//! [`SourceTree`]: a tree that lies on this machine, and is the one that its listing names.

use crate::error::{BuildError, io};
use refit_release::content::{FileId, SourceRoot};
use refit_release::tree::{Listing, TreeFile};
use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The time of all files of a tree that is built, in seconds since the epoch: cargo compares times, and a tree has none.
pub(crate) const TIME_S: u64 = 1_000_000_000;

/// The modes of files: everybody may read them, nobody needs to write them.
const PLAIN: u32 = 0o444;
const EXECUTABLE: u32 = 0o555;

/// The mode of folders: whoever owns the tree may remove it.
const FOLDER: u32 = 0o755;

/// A tree that lies in a folder, checked against its listing.
#[derive(Clone, Debug)]
pub struct SourceTree {
    folder: PathBuf,
    listing: Listing,
    root: SourceRoot,
}

/// How a folder differs from the listing of the tree that it should hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeMismatch {
    /// A file is not there.
    #[error("it is not there")]
    Missing,
    /// A file has other content.
    #[error("it has other content")]
    Content,
    /// Something is there that is not in the listing.
    #[error("the listing does not have it")]
    Extra,
    /// A link or a device, which no tree has.
    #[error("it is neither a file nor a folder")]
    Kind,
}

impl SourceTree {
    /// The tree in `folder`, if it is the one that is listed, no file more and no file less. Files get the modes and the one time
    /// that trees have: the folder belongs to whoever checks it, and nobody else may write into it.
    ///
    /// # Errors
    /// [`BuildError::Tree`], [`BuildError::Io`].
    pub fn check(folder: &Path, listing: &Listing) -> Result<Self, BuildError> {
        let folder = folder.canonicalize().map_err(io("open", folder))?;
        let bytes = listing.write().map_err(|error| BuildError::Manifest {
            path: folder.clone(),
            reason: error.to_string(),
        })?;
        let files = listing.files().iter();
        let mut missing: BTreeMap<PathBuf, &TreeFile> =
            files.map(|file| (folder.join(&file.path), file)).collect();
        check_folder(&folder, &mut missing)?;
        match missing.into_keys().next() {
            Some(path) => Err(differs(path, TreeMismatch::Missing)),
            None => Ok(Self {
                root: SourceRoot::of(&bytes),
                folder,
                listing: listing.clone(),
            }),
        }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its root: what names it.
    pub fn root(&self) -> SourceRoot {
        self.root
    }

    pub(crate) fn files(&self) -> &[TreeFile] {
        self.listing.files()
    }
}

fn differs(path: PathBuf, mismatch: TreeMismatch) -> BuildError {
    BuildError::Tree { path, mismatch }
}

/// Checks all below a folder, and takes what it finds out of what is missing.
fn check_folder(
    folder: &Path,
    missing: &mut BTreeMap<PathBuf, &TreeFile>,
) -> Result<(), BuildError> {
    set_mode(folder, FOLDER)?;
    for entry in fs::read_dir(folder).map_err(io("list", folder))? {
        let entry = entry.map_err(io("list", folder))?;
        let (path, kind) = (
            entry.path(),
            entry.file_type().map_err(io("look at", folder))?,
        );
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => check_folder(&path, missing)?,
            (_, true) => {
                let file = missing.remove(&path);
                let file = file.ok_or_else(|| differs(path.clone(), TreeMismatch::Extra))?;
                check_file(&path, file)?;
            }
            _ => return Err(differs(path, TreeMismatch::Kind)),
        }
    }
    Ok(())
}

fn check_file(path: &Path, listed: &TreeFile) -> Result<(), BuildError> {
    let content = fs::read(path).map_err(io("read", path))?;
    if content.len() as u64 != listed.bytes || FileId::of(&content) != listed.content {
        return Err(differs(path.to_owned(), TreeMismatch::Content));
    }
    set_mode(path, if listed.executable { EXECUTABLE } else { PLAIN })?;
    date(path)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), BuildError> {
    let now = fs::metadata(path).map_err(io("look at", path))?.mode();
    match now & 0o7777 == mode {
        true => Ok(()),
        false => fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(io("set the mode of", path)),
    }
}

/// Gives a file the time of all trees.
pub(crate) fn date(path: &Path) -> Result<(), BuildError> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(TIME_S);
    let file = File::open(path).map_err(io("open", path))?;
    let now = file.metadata().and_then(|about| about.modified());
    if now.ok() == Some(time) {
        return Ok(());
    }
    let times = FileTimes::new().set_modified(time);
    file.set_times(times).map_err(io("date", path))
}
