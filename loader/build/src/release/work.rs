//! [`Work`]: folders of what builds need in between. They lie in one folder of the root, named for the process that made them; those
//! of a process that is no more go with the next build.

use crate::error::{BuildError, io};
use crate::place;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of what builds need in between, in the root.
pub(crate) const ROOMS: &str = "rooms";

/// How the name of each begins; the number of its process follows.
const ROOM: &str = "refit-";

/// Where a tree lies in a room, so that cargo looks for no workspace above it: it ends its way up at a folder of this name, in
/// which it unpacks what it packages itself.
pub(crate) const ALONE: &str = "target/package/source";

/// A folder that is removed with all in it when it is dropped.
#[derive(Debug)]
pub(crate) struct Work(PathBuf);

impl Work {
    pub(crate) fn new(root: &Path) -> Result<Self, BuildError> {
        let rooms = place::folder(root.join(ROOMS))?;
        for number in 0..u32::MAX {
            let path = rooms.join(format!("{}{number}", prefix_of_rooms()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io("create", &path)(error)),
            }
        }
        Err(BuildError::Cancelled)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What stays is removed by a later process's first build.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tree that lies in a room.
#[derive(Debug)]
pub(crate) struct Laid(Work);

impl Laid {
    /// Where it is to lie in a new room.
    pub(crate) fn new(root: &Path) -> Result<Self, BuildError> {
        Work::new(root).map(Self)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().join(ALONE)
    }
}

/// Removes what builds have left that were killed with their process. What cannot be removed stays: it is in nobody's way,
/// and another build may be removing it.
pub(crate) fn sweep(root: &Path) -> Result<(), BuildError> {
    let rooms = place::folder(root.join(ROOMS))?;
    let entries = fs::read_dir(&rooms).map_err(io("list", &rooms))?.flatten();
    for room in entries.map(|entry| entry.path()).filter(|it| is_left(it)) {
        let _ = fs::remove_dir_all(&room);
    }
    Ok(())
}

/// How the names of this process's rooms begin.
pub(crate) fn prefix_of_rooms() -> String {
    format!("{ROOM}{}-", std::process::id())
}

/// Whether it is a room of a process that is no more. Whatever else lies there is not ours.
pub(crate) fn is_left(room: &Path) -> bool {
    let name = room.file_name().unwrap_or_default().to_string_lossy();
    let process = name.strip_prefix(ROOM).and_then(|name| {
        let (process, _) = name.split_once('-')?;
        process.parse::<u32>().ok()
    });
    process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No process has a number above the system's limit, 2²².
    const NO_PROCESS: u32 = (1 << 22) + 1;

    #[test]
    fn builds_that_begin_beside_one_another_clean_up_together() {
        let root = tempfile::tempdir().unwrap();
        let rooms = root.path().join(ROOMS);
        for number in 0..50 {
            let left = rooms.join(format!("{ROOM}{NO_PROCESS}-{number}"));
            fs::create_dir_all(left.join("target/release")).unwrap();
            fs::write(left.join("target/release/file"), "bytes").unwrap();
        }
        let own = Work::new(root.path()).unwrap();
        fs::create_dir(rooms.join("somebody-else")).unwrap();
        std::thread::scope(|scope| {
            let sweeps: Vec<_> = (0..8).map(|_| scope.spawn(|| sweep(root.path()))).collect();
            for swept in sweeps {
                swept.join().unwrap().unwrap();
            }
        });
        let names = fs::read_dir(&rooms).unwrap();
        let mut names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
        names.sort();
        let own = own.path().file_name().unwrap().to_owned();
        assert_eq!(names, [own, "somebody-else".into()]);
    }

    #[test]
    fn each_room_is_another_folder_and_goes_with_its_build() {
        let root = tempfile::tempdir().unwrap();
        let [one, two] = [(); 2].map(|()| Work::new(root.path()).unwrap());
        assert_ne!(one.path(), two.path());
        let path = one.path().to_owned();
        fs::write(path.join("file"), "bytes").unwrap();
        drop(one);
        assert!(!path.exists() && two.path().exists());
    }
}
