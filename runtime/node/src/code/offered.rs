//! [`Offered`]: libraries that were handed over as bytes, by their hashes, for plans that will name them.
//!
//! A node reads no file that somebody outside names: it may not even be able to, and a path on another machine says
//! nothing here. Whoever plans opens the file and hands the bytes over; they lie in a folder of the node's under their
//! hash until newer ones take their room, or the node starts again. A plan finds them by the hash that it was made for.

use crate::limits::{OFFERED_MAX, STAGED_BYTES_MAX};
use parking_lot::Mutex;
use refit_loader::{ARTIFACT_BYTES_MAX, ArtifactId};
use refit_store::has_room_for;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are passed on at once.
const PIECE_BYTES: usize = 256 << 10;

/// Mode of the files: for this user alone.
const MODE: u32 = 0o600;

/// The libraries that are there.
#[derive(Debug)]
pub(crate) struct Offered {
    folder: PathBuf,
    /// Numbers the names that files have while they arrive.
    number: AtomicU64,
    /// The oldest first.
    kept: Mutex<VecDeque<Library>>,
}

/// One library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Library {
    /// Its hash, in hexadecimal.
    pub(crate) artifact: String,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Where it lies for whoever handed it over.
    from: String,
}

impl Offered {
    /// None yet: what an earlier run was handed is gone.
    pub(crate) fn begin(folder: PathBuf) -> Self {
        // It may never have been there.
        let _ = fs::remove_dir_all(&folder);
        Self {
            folder,
            number: AtomicU64::default(),
            kept: Mutex::default(),
        }
    }

    /// Takes a library; the oldest ones make room for it.
    pub(crate) fn take(&self, from: String, bytes: impl Read) -> io::Result<Library> {
        fs::create_dir_all(&self.folder)?;
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let part = self.folder.join(format!("{number}.part"));
        let taken = write(&self.folder, &part, bytes).and_then(|(artifact, bytes)| {
            let library = Library {
                artifact: artifact.to_string(),
                bytes,
                from,
            };
            // Under the lock: nobody removes what takes its place just now.
            let mut kept = self.kept.lock();
            fs::rename(&part, self.folder.join(&library.artifact))?;
            kept.retain(|it| it.artifact != library.artifact);
            kept.push_back(library.clone());
            self.make_room(&mut kept);
            Ok(library)
        });
        if taken.is_err() {
            let _ = fs::remove_file(part);
        }
        taken
    }

    fn make_room(&self, kept: &mut VecDeque<Library>) {
        let bytes = |kept: &VecDeque<Library>| kept.iter().map(|it| it.bytes).sum::<u64>();
        while kept.len() > OFFERED_MAX || bytes(kept) > STAGED_BYTES_MAX as u64 {
            let Some(oldest) = kept.pop_front() else {
                return;
            };
            let _ = fs::remove_file(self.folder.join(oldest.artifact));
        }
    }

    /// The file with this hash, if it is there.
    pub(crate) fn file(&self, artifact: &str) -> Option<PathBuf> {
        let kept = self.kept.lock();
        let is_there = kept.iter().any(|it| it.artifact == artifact);
        is_there.then(|| self.folder.join(artifact))
    }

    /// The hash of what was found at this path last.
    pub(crate) fn found_at(&self, path: &str) -> Option<String> {
        let kept = self.kept.lock();
        let found = kept.iter().rfind(|it| it.from == path);
        found.map(|it| it.artifact.clone())
    }
}

/// Writes the bytes down; gives their hash and their number.
fn write(folder: &Path, path: &Path, mut bytes: impl Read) -> io::Result<(ArtifactId, u64)> {
    let mut options = OpenOptions::new();
    let mut file: File = options.write(true).create_new(true).mode(MODE).open(path)?;
    let (mut hasher, mut length) = (blake3::Hasher::new(), 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = bytes.read(&mut piece)?;
        if read == 0 {
            break;
        }
        length += read as u64;
        if length > ARTIFACT_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Nobody who sends files takes what the log needs.
        if !has_room_for(folder, read as u64) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        hasher.update(&piece[..read]);
        file.write_all(&piece[..read])?;
    }
    Ok((
        ArtifactId::from_bytes(*hasher.finalize().as_bytes()),
        length,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_by_its_hash_and_what_lies_at_its_path_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let offered = Offered::begin(folder.path().join("offered"));
        let first = offered.take("/a/kv.so".to_owned(), &b"first"[..]).unwrap();
        assert_eq!(first.artifact, ArtifactId::of(b"first").to_string());
        let file = offered.file(&first.artifact).unwrap();
        assert_eq!(fs::read(file).unwrap(), b"first");
        let second = offered.take("/a/kv.so".to_owned(), &b"second"[..]).unwrap();
        assert_eq!(offered.found_at("/a/kv.so"), Some(second.artifact));
        assert!(offered.file(&first.artifact).is_some());
        assert_eq!(offered.found_at("/a/other.so"), None);
    }

    #[test]
    fn the_oldest_makes_room_and_nothing_is_left_of_what_broke_off() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let offered = Offered::begin(folder.path().to_owned());
        let take = |number: usize| {
            let bytes = number.to_string();
            offered.take(String::new(), bytes.as_bytes()).unwrap()
        };
        let first = take(0);
        (1..=OFFERED_MAX).for_each(|number| drop(take(number)));
        assert_eq!(offered.file(&first.artifact), None);
        assert!(offered.take(String::new(), Broken).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), OFFERED_MAX);
        let again = Offered::begin(folder.path().to_owned());
        assert_eq!(again.file(&take(OFFERED_MAX).artifact), None);
    }
}
