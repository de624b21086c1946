//! The folders that the builder keeps on disk, and how they stay within a bound.
//!
//! Each part (a target folder with its overlay, a part of the store, an artifact) has a time of its
//! last use. The part that was not used for longest goes first, until the rest fits. A part that a build works in is
//! locked and stays; so does what was used within the last [`KEPT_MIN`], since a plan or a node that
//! starts may name it.

use crate::builder::{Builder, name};
use crate::error::{BuildError, io};
use crate::place;
use crate::store::USED;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The bytes that are kept by default, of a builder's root and of a store each.
pub const CACHE_BYTES_MAX: u64 = 10 << 30;

/// Folders that were used more recently than this stay, unless all are to go.
pub const KEPT_MIN: Duration = Duration::from_secs(3600);

/// The least time between two looks of builds whether there is too much.
const LOOK_INTERVAL: Duration = Duration::from_secs(3600);

/// Its time says when it was looked whether there is too much.
const LOOKED: &str = ".refit-looked";

/// Which parts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clean {
    /// The folders that were not used for longest, until no more than so many bytes are left in the root, and in
    /// the store.
    Down {
        /// The bytes that may stay.
        bytes_max: u64,
    },
    /// All that was compiled of the package in this folder.
    Package(PathBuf),
    /// Everything, the store too.
    All,
}

/// A part that goes, or would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// Its folder, or its file.
    pub path: PathBuf,
    /// The size of its files, in bytes.
    pub bytes: u64,
}

/// A part of a cache.
#[derive(Debug)]
pub(crate) struct Part {
    paths: Vec<PathBuf>,
    lock: Option<(PathBuf, String)>,
    bytes: u64,
    used: SystemTime,
}

impl Builder {
    /// Removes what `clean` says, or with `dry_run` only tells it. A part that is in use stays.
    ///
    /// # Errors
    /// [`BuildError::Io`].
    pub fn clean(&self, clean: &Clean, dry_run: bool) -> Result<Vec<Cleaned>, BuildError> {
        let store = self
            .store
            .clone()
            .unwrap_or_else(|| self.root.join("store"));
        let (root, store) = (parts_of_root(&self.root), parts_of_store(&store));
        let chosen = match clean {
            Clean::All => root.into_iter().chain(store).collect(),
            Clean::Down { bytes_max } => {
                let mut chosen = too_much(root, *bytes_max);
                chosen.extend(too_much(store, *bytes_max));
                chosen
            }
            Clean::Package(folder) => {
                let whole = folder.canonicalize().map_err(io("open", folder))?;
                let name = format!("target-{}", name(&whole));
                let is_its =
                    |part: &Part| part.lock.as_ref().is_some_and(|(_, lock)| *lock == name);
                root.into_iter().filter(is_its).collect()
            }
        };
        remove(chosen, dry_run)
    }

    /// As [`Builder::clean`] down to a bound; does nothing if that was done within the last hour. What
    /// cannot be removed stays: a build has its library.
    pub fn keep_within(&self, bytes_max: u64) {
        let looked = self.root.join(LOOKED);
        let age = |path: &Path| fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
        if age(&looked).is_some_and(|age| age < LOOK_INTERVAL) {
            return;
        }
        // Marked before the work, so that another build does not do it at the same time.
        crate::publish::touch(&looked);
        let _ = self.clean(&Clean::Down { bytes_max }, false);
    }
}

/// Removes these, or with `dry_run` only tells them. A part that is in use stays.
pub(crate) fn remove(parts: Vec<Part>, dry_run: bool) -> Result<Vec<Cleaned>, BuildError> {
    let removed = parts.into_iter().map(|part| part.remove(dry_run));
    removed.filter_map(Result::transpose).collect()
}

impl Part {
    /// One folder or file, which was used when `mark` was written, or else itself; whoever uses it holds the lock.
    pub(crate) fn of(path: PathBuf, mark: &Path, lock: Option<(PathBuf, String)>) -> Self {
        Self {
            bytes: bytes(&path),
            used: used(mark, &path),
            lock,
            paths: vec![path],
        }
    }

    /// Removes it, unless somebody works in it.
    fn remove(&self, dry_run: bool) -> Result<Option<Cleaned>, BuildError> {
        let held = match &self.lock {
            Some((root, name)) => match place::try_lock(root, name)? {
                Some(held) => Some(held),
                None => return Ok(None),
            },
            None => None,
        };
        for path in self.paths.iter().filter(|_| !dry_run) {
            let removed = match is_folder(path) {
                true => fs::remove_dir_all(path),
                false => fs::remove_file(path),
            };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io("remove", path)(error));
                }
                _ => {}
            }
        }
        drop(held);
        let path = self.paths.first().cloned().unwrap_or_default();
        let bytes = self.bytes;
        Ok(Some(Cleaned { path, bytes }))
    }
}

/// Those that go so that the rest fits, the longest unused first.
pub(crate) fn too_much(mut parts: Vec<Part>, bytes_max: u64) -> Vec<Part> {
    let mut bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    parts.sort_by_key(|part| part.used);
    let now = SystemTime::now();
    let is_recent = |part: &Part| {
        now.duration_since(part.used)
            .is_ok_and(|age| age < KEPT_MIN)
    };
    let mut chosen = Vec::new();
    for part in parts {
        if bytes <= bytes_max {
            break;
        }
        if !is_recent(&part) {
            bytes -= part.bytes;
            chosen.push(part);
        }
    }
    chosen
}

/// Target folders, each with its overlay, and artifacts.
fn parts_of_root(root: &Path) -> Vec<Part> {
    let targets = entries(&root.join("targets")).into_iter().map(|target| {
        let name = target
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let overlay = root.join("overlays").join(&name);
        Part {
            bytes: bytes(&target),
            used: used(&target.join(USED), &target),
            lock: Some((root.to_owned(), format!("target-{name}"))),
            paths: vec![target, overlay],
        }
    });
    let artifacts = entries(&root.join("artifacts"))
        .into_iter()
        .map(|artifact| Part::of(artifact.clone(), &artifact, None));
    // Overlays without a target folder hold links alone.
    targets.chain(artifacts).collect()
}

fn parts_of_store(store: &Path) -> Vec<Part> {
    let keys = entries(store)
        .into_iter()
        .filter(|key| is_folder(&key.join("target")));
    let parts = keys.map(|key| {
        let name = key
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let lock = (store.to_owned(), format!("store-{name}"));
        Part::of(key.clone(), &key.join(USED), Some(lock))
    });
    parts.collect()
}

/// What is in a folder. What lies behind a link is not ours, whoever has laid it.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    if !is_folder(folder) {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Whether it is a folder itself, and no link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_dir())
}

fn used(mark: &Path, part: &Path) -> SystemTime {
    let time = |path| fs::metadata(path).and_then(|of| of.modified()).ok();
    time(mark)
        .or_else(|| time(part))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The size of a file or a tree; a file that is linked twice in it counts once.
fn bytes(path: &Path) -> u64 {
    let (mut open, mut seen, mut bytes) = (vec![path.to_owned()], BTreeSet::new(), 0);
    while let Some(path) = open.pop() {
        let Ok(of) = fs::symlink_metadata(&path) else {
            continue;
        };
        if of.is_dir() {
            open.extend(entries(&path));
        } else if of.nlink() == 1 || seen.insert((of.dev(), of.ino())) {
            bytes += of.len();
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;

    /// A target folder of so many bytes, used so many hours ago.
    fn target(root: &Path, name: &str, bytes: usize, hours: u64) -> PathBuf {
        let folder = root.join("targets").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("x"), vec![0; bytes]).unwrap();
        let mark = fs::File::create(folder.join(USED)).unwrap();
        let age = Duration::from_secs(hours * 3600 + 60);
        mark.set_modified(SystemTime::now() - age).unwrap();
        folder
    }

    #[test]
    fn what_was_not_used_for_longest_goes_and_what_is_in_use_stays() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let builder = Builder::new(root);
        let (new, old) = (target(root, "new", 100, 2), target(root, "old", 100, 4));
        let (busy, recent) = (target(root, "busy", 100, 5), target(root, "recent", 100, 0));
        let held = place::lock(root, "target-busy", &Cancel::default().begin()).unwrap();
        let clean = Clean::Down { bytes_max: 250 };
        let told = builder.clean(&clean, true).unwrap();
        let paths = |cleaned: &[Cleaned]| -> Vec<_> {
            cleaned
                .iter()
                .map(|one| (one.path.clone(), one.bytes))
                .collect()
        };
        assert_eq!(paths(&told), [(old.clone(), 100)]);
        assert!(old.exists(), "it was only told");
        builder.clean(&clean, false).unwrap();
        assert!(!old.exists() && new.exists() && busy.exists());
        builder.clean(&Clean::Down { bytes_max: 0 }, false).unwrap();
        assert!(!new.exists() && busy.exists() && recent.exists());
        drop(held);
        builder.clean(&Clean::All, false).unwrap();
        assert!(!busy.exists() && !recent.exists());
    }

    #[test]
    fn of_one_package_go_its_own_folders() {
        let (place, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = place.path();
        let name = name(&source.path().canonicalize().unwrap());
        let (own, other) = (target(root, &name, 10, 0), target(root, "other", 10, 0));
        let overlay = root.join("overlays").join(&name);
        fs::create_dir_all(&overlay).unwrap();
        let clean = Clean::Package(source.path().to_owned());
        assert_eq!(Builder::new(root).clean(&clean, false).unwrap().len(), 1);
        assert!(!own.exists() && !overlay.exists() && other.exists());
    }

    #[test]
    fn what_lies_behind_a_link_is_no_part_of_a_cache() {
        let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(elsewhere.path().join("photos/target")).unwrap();
        fs::write(elsewhere.path().join("thesis.txt"), "text").unwrap();
        for folder in ["targets", "artifacts", "store", "dependencies", "logs"] {
            std::os::unix::fs::symlink(elsewhere.path(), place.path().join(folder)).unwrap();
        }
        let cleaned = Builder::new(place.path())
            .clean(&Clean::All, false)
            .unwrap();
        let released = crate::ReleaseBuilder::clean(place.path(), &Clean::All, false).unwrap();
        assert_eq!((cleaned, released), (vec![], vec![]));
        assert!(elsewhere.path().join("photos/target").exists());
        assert!(elsewhere.path().join("thesis.txt").exists());
    }
}
