//! [`ReleaseFolder`]: the releases that were imported, in the data folder.
//!
//! ```text
//! releases/ID/release      the signed manifest, with what signatures of it have come
//! releases/ID/about        what the node shows of it
//! releases/ID/listing      the listing of its source, if that came
//! releases/ID/files/HASH   its files, and those of its source
//! releases/N.part          one that comes, or goes: gone at the next start
//! ```
//!
//! A release has its folder's name once all of it that came is there, checked and synced: whatever ends the node before,
//! nothing of it is there. What is read out of it is compared with its hash again.

use super::KeepError;
use super::coming::Coming;
use parking_lot::{Mutex, MutexGuard};
use refit_admin::RELEASES_AT_ONCE_MAX;
use refit_admin::api::ReleaseName;
use refit_release::{FileId, ReleaseBytes, ReleaseId, VerifiedRelease};
use refit_store::remove_whole;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use refit_store::open_file;

/// Releases that are kept.
pub const RELEASES_MAX: usize = 64;

/// Bytes of one release's files.
pub const RELEASE_BYTES_MAX: u64 = 1 << 30;

/// Mode of the folders: for this user alone.
const FOLDER_MODE: u32 = 0o700;

/// Longest record about a release that is read, in bytes.
const RECORD_BYTES_MAX: u64 = 128 << 10;

const RELEASE: &str = "release";
const ABOUT: &str = "about";
const FILES: &str = "files";
/// How the name of what has no name yet ends.
const PART: &str = ".part";
pub(super) const LISTING: &str = "listing";

/// The releases that were imported.
#[derive(Debug)]
pub(crate) struct ReleaseFolder {
    path: PathBuf,
    /// Held while a release gets its name, or loses it: never while somebody else is waited for.
    names: Mutex<()>,
    /// Has a place for each import that is under way.
    places: Arc<()>,
    /// Numbers what has no name yet.
    number: AtomicU64,
}

/// What the node shows of a release that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) release: ReleaseName,
    /// The package of each module, its version and its kinds.
    pub(crate) modules: Vec<AboutModule>,
    pub(crate) has_source: bool,
}

/// A release that is there, and what is shown of it, or why that is not.
pub(crate) type Looked = (ReleaseId, Result<About, KeepError>);

/// A release that was to go: the bytes that it had on the disk, or why it is still there.
pub(crate) type Pruned = (ReleaseId, Result<u64, KeepError>);

/// One module of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AboutModule {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) kinds: Vec<String>,
    /// BLAKE3 of its library for this node, in hexadecimal, if it has one.
    pub(crate) artifact: Option<String>,
}

/// An import that has come to its end.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) release: VerifiedRelease,
    pub(crate) about: About,
    pub(crate) is_repeated: bool,
    pub(crate) missing: Vec<FileId>,
}

impl ReleaseFolder {
    /// In this data folder; what an import has left unfinished goes.
    ///
    /// # Errors
    /// [`KeepError::Folder`].
    pub(crate) fn open(data_dir: &Path) -> Result<Self, KeepError> {
        let folder = Self::within(data_dir);
        let path = &folder.path;
        let mut maker = DirBuilder::new();
        let made = maker.recursive(true).mode(FOLDER_MODE).create(path);
        made.and_then(|()| folder.sweep())
            .and_then(|()| sync(data_dir))
            .map_err(|source| folder.fault(source))?;
        Ok(folder)
    }

    /// The same, to look only: nothing is made or removed.
    pub(crate) fn within(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("releases"),
            names: Mutex::new(()),
            places: Arc::new(()),
            number: AtomicU64::new(0),
        }
    }

    /// Removes what nobody will give a name. What cannot be removed stays, and is in nobody's way.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry
                .file_name()
                .as_encoded_bytes()
                .ends_with(PART.as_bytes())
            {
                let path = entry.path();
                if let Err(error) = remove_whole(&path) {
                    tracing::warn!(path = %path.display(), %error, "what an import has left cannot be removed");
                }
            }
        }
        Ok(())
    }

    /// A path that nothing has yet.
    pub(super) fn part(&self) -> PathBuf {
        loop {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let part = self.path.join(format!("{number}{PART}"));
            // What could not be removed may have the name.
            if part.symlink_metadata().is_err() {
                return part;
            }
        }
    }

    pub(super) fn fault(&self, source: io::Error) -> KeepError {
        let path = self.path.clone();
        KeepError::Folder { path, source }
    }

    /// Takes a release in, of which the archive was read as far as its frame; `verify` says whose signatures count.
    ///
    /// # Errors
    /// [`KeepError`]: nothing of it is kept then that was not there before.
    pub(crate) fn import<R: Read>(
        &self,
        reader: R,
        verify: impl FnOnce(ReleaseBytes) -> Result<VerifiedRelease, crate::trust::TrustError>,
    ) -> Result<Kept, KeepError> {
        let (bytes, archive) = refit_release::archive::Archive::open(reader)?;
        let release = verify(bytes)?;
        // Whoever sends what nobody has signed is in nobody's way.
        let _place = self.place()?;
        self.has_room_for(&release)?;
        // Nobody waits for who sends slowly: each comes in a folder of its own.
        Coming::begin(self, release)?.fill(archive)
    }

    /// A place among those that come.
    fn place(&self) -> Result<Arc<()>, KeepError> {
        let place = self.places.clone();
        // One is the folder's own.
        let most = RELEASES_AT_ONCE_MAX;
        match Arc::strong_count(&place) > most + 1 {
            true => Err(KeepError::UnderWay { most }),
            false => Ok(place),
        }
    }

    /// Whether one more may come, of this size.
    fn has_room_for(&self, release: &VerifiedRelease) -> Result<(), KeepError> {
        let files = release.manifest().files().map(|file| file.bytes);
        let bytes = files.fold(0_u64, u64::saturating_add);
        if bytes > RELEASE_BYTES_MAX {
            let most = RELEASE_BYTES_MAX;
            return Err(KeepError::TooLarge { bytes, most });
        }
        self.has_place_for(release.id())?;
        match refit_store::has_room_for(&self.path, bytes) {
            true => Ok(()),
            false => Err(KeepError::NoRoom { bytes }),
        }
    }

    /// Whether one with this id may be kept.
    fn has_place_for(&self, id: ReleaseId) -> Result<(), KeepError> {
        let kept = self.ids()?;
        match kept.contains(&id) || kept.len() < RELEASES_MAX {
            true => Ok(()),
            false => Err(KeepError::Full { kept: kept.len() }),
        }
    }

    /// Gives a release its name: no other one gets or loses one meanwhile. One that came while it did may have taken its place.
    pub(super) fn named<T>(
        &self,
        id: ReleaseId,
        name: impl FnOnce() -> Result<T, KeepError>,
    ) -> Result<T, KeepError> {
        let _names = self.names.lock();
        self.has_place_for(id)?;
        name()
    }

    /// The ids of all that are there, in their order.
    pub(crate) fn ids(&self) -> Result<Vec<ReleaseId>, KeepError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.fault(source)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| self.fault(source))?.file_name();
            // Whatever else lies there is not ours.
            ids.extend(
                name.to_str()
                    .and_then(|name| name.parse::<ReleaseId>().ok()),
            );
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// What is shown of each that is there, or why nothing can be done with it: somebody has changed the folder.
    pub(crate) fn all(&self) -> Result<Vec<Looked>, KeepError> {
        let ids = self.ids()?.into_iter();
        Ok(ids.map(|id| (id, self.shown(id))).collect())
    }

    /// Whether nothing can be done with one, now or later.
    fn is_lost(&self, id: ReleaseId) -> bool {
        self.shown(id).is_err_and(|error| error.is_lost())
    }

    fn shown(&self, id: ReleaseId) -> Result<About, KeepError> {
        // What is shown of it is of no use without what was signed.
        self.release(id).and_then(|_| self.about(id))
    }

    fn about(&self, id: ReleaseId) -> Result<About, KeepError> {
        let bytes = self.record(id, ABOUT)?;
        serde_json::from_slice(&bytes).map_err(|error| KeepError::Changed {
            id: id.to_string(),
            why: error.to_string(),
        })
    }

    /// The release as it came: of its bytes only the frame was read.
    ///
    /// # Errors
    /// [`KeepError::Unknown`], and if it is not what was put there.
    pub(crate) fn release(&self, id: ReleaseId) -> Result<ReleaseBytes, KeepError> {
        let changed = |why: String| KeepError::Changed {
            id: id.to_string(),
            why,
        };
        let bytes = self.record(id, RELEASE)?;
        let release = ReleaseBytes::read(&bytes).map_err(|error| changed(error.to_string()))?;
        match release.id() == id {
            true => Ok(release),
            false => Err(changed(format!("it is {} by now", release.id()))),
        }
    }

    fn record(&self, id: ReleaseId, name: &str) -> Result<Vec<u8>, KeepError> {
        let path = self.of(id).join(name);
        // Whatever lies there: what is no file in a folder never becomes one.
        let is_other = |path: &Path, is_it: fn(&Metadata) -> bool| {
            fs::symlink_metadata(path).is_ok_and(|about| !is_it(&about))
        };
        if is_other(&self.of(id), Metadata::is_dir) || is_other(&path, Metadata::is_file) {
            return Err(KeepError::Changed {
                id: id.to_string(),
                why: format!("{} is something else by now", path.display()),
            });
        }
        let file = open_file(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => KeepError::Unknown { id: id.to_string() },
            _ => KeepError::Folder {
                path: path.clone(),
                source,
            },
        })?;
        let mut bytes = Vec::new();
        let read = file.take(RECORD_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|source| KeepError::Folder { path, source })?;
        Ok(bytes)
    }

    /// Where a file of a release is, if it is there. Whoever reads it compares its hash.
    pub(crate) fn file(&self, id: ReleaseId, file: FileId) -> Option<PathBuf> {
        let path = files_of(&self.of(id)).join(file.to_string());
        path.is_file().then_some(path)
    }

    /// The bytes that a release has on the disk.
    pub(crate) fn bytes(&self, id: ReleaseId) -> u64 {
        let folder = self.of(id);
        bytes_in(&folder) + bytes_in(&files_of(&folder))
    }

    /// Removes a release. One that is cut short is gone at the next start.
    ///
    /// # Errors
    /// [`KeepError::Folder`].
    pub(crate) fn remove(&self, id: ReleaseId) -> Result<(), KeepError> {
        self.unname(&self.names.lock(), id)
    }

    /// Removes the releases with which nothing can be done, now or later; gives them, and what each had on the disk, or why it
    /// could not be removed. None that an import mends meanwhile.
    ///
    /// # Errors
    /// [`KeepError::Folder`].
    pub(crate) fn remove_lost(&self) -> Result<Vec<Pruned>, KeepError> {
        let names = self.names.lock();
        let lost = self.ids()?.into_iter().filter(|id| self.is_lost(*id));
        let remove = |id| {
            let bytes = self.bytes(id);
            self.unname(&names, id).map(|()| bytes)
        };
        Ok(lost.map(|id| (id, remove(id))).collect())
    }

    fn unname(&self, _names: &MutexGuard<'_, ()>, id: ReleaseId) -> Result<(), KeepError> {
        let part = self.part();
        // In one step it is no release any more.
        let renamed = fs::rename(self.of(id), &part).and_then(|()| sync(&self.path));
        renamed.map_err(|source| self.fault(source))?;
        if let Err(error) = remove_whole(&part) {
            tracing::warn!(path = %part.display(), %error, "what was a release cannot be removed whole: its place is free all the same");
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn of(&self, id: ReleaseId) -> PathBuf {
        self.path.join(id.to_string())
    }
}

/// The records of a release that comes, and where they go.
pub(super) fn records(release: &VerifiedRelease, about: &About) -> [(&'static str, Vec<u8>); 2] {
    let about = serde_json::to_vec(about).unwrap_or_default();
    [(RELEASE, release.write()), (ABOUT, about)]
}

/// The folder of a release's files.
pub(super) fn files_of(release: &Path) -> PathBuf {
    release.join(FILES)
}

/// A folder for this user alone.
pub(super) fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(FOLDER_MODE).create(path)
}

/// Names in a folder are durable only once it is synced itself.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| entry.metadata().ok());
    files
        .filter(|file| file.is_file())
        .map(|file| file.len())
        .sum()
}
