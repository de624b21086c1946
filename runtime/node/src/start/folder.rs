//! [`FolderLock`]: one node per data folder.
//!
//! What is in the folder is written whole, from one node's memory; two nodes would erase what the other knows.
//! The lock is the system's, on a file in the folder, and goes with the process: a node that was killed leaves
//! nothing behind that has to be removed by hand. The file says who has it, for the other one's message.
//!
//! A child that the node was about to start when it was killed, or when it started again in its own place, has the lock for
//! a moment longer: a start waits for that.

use refit_abi::codes;
use refit_abi::host::Explain;
use refit_store::{is_no_file, open_file_as};
use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Name of the locked file inside the data folder.
const LOCK_NAME: &str = "node.lock";

/// Mode of that file: for this user alone.
const LOCK_MODE: u32 = 0o600;

/// Longest text of it that is read, in bytes.
const HOLDER_BYTES_MAX: u64 = 8 << 10;

/// Longest wait for what a node that was killed has left running, and the time between two looks.
const LEFT_WAIT_MAX: Duration = Duration::from_secs(10);
const LEFT_LOOK: Duration = Duration::from_millis(5);

/// The right to use a data folder. It ends when this is dropped, or with the process.
#[derive(Debug)]
#[must_use = "the folder is free again when this is dropped"]
pub struct FolderLock {
    _locked: Locked,
}

/// The lock's file, locked until this is dropped.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Drop for Locked {
    /// A process that is being started beside it has the file too until it runs its program: closing it alone would not give
    /// the folder back.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// The user of a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its unix socket.
    pub socket: PathBuf,
    /// Which of the programs that ran in this process one after the other: a node that starts again in its place is
    /// another one. 0 of a node that did not say.
    #[serde(default)]
    pub program: u64,
}

impl Holder {
    /// This process, which listens on `socket`.
    pub fn this(socket: PathBuf) -> Self {
        static PROGRAM: LazyLock<u64> = LazyLock::new(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64)
        });
        Self {
            pid: std::process::id(),
            socket,
            program: *PROGRAM,
        }
    }

    /// Whether there is no such node any more, whatever still has the lock.
    fn has_ended(&self, asks: &Self) -> bool {
        let is_before_this = self.pid == asks.pid && self.program != asks.program;
        is_before_this || !is_alive(self.pid)
    }
}

/// Why a data folder may not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another node uses it.
    #[error("the data folder {} is in use by {}", path.display(), named(holder.as_ref()))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other node, if its file says which it is.
        holder: Option<Holder>,
    },
    /// The system does not let it be locked.
    #[error("the data folder {} cannot be locked: {source}", path.display())]
    Unlockable {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Something that no node has made stands where the lock's file is.
    #[error("the data folder cannot be locked: {} is {what}", path.display())]
    NoLock {
        /// The lock's file.
        path: PathBuf,
        /// What is there: `a link`, or `no file`.
        what: &'static str,
    },
}

impl Explain for FolderError {
    fn code(&self) -> &str {
        match self {
            FolderError::InUse { .. } => codes::DATA_FOLDER_IN_USE,
            FolderError::Unlockable { .. } | FolderError::NoLock { .. } => {
                codes::DATA_FOLDER_UNLOCKABLE
            }
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            FolderError::InUse { .. } => {
                "stop that node, or give this one a folder of its own with --data-dir"
            }
            FolderError::Unlockable { .. } => {
                "give the node the rights to its data folder, on a file system that supports locks"
            }
            FolderError::NoLock { .. } => {
                "remove it, and start the node again: engines can write there, and the node makes a file of its own"
            }
        })
    }
}

impl FolderLock {
    /// Takes the folder at `path`, which must be there, for `holder`.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn take(path: &Path, holder: &Holder) -> Result<Self, FolderError> {
        let fail = |source| refused(path, source);
        let mut options = OpenOptions::new();
        // It may be another node's, which has written its name there.
        options.create(true).truncate(false);
        options.read(true).write(true).mode(LOCK_MODE);
        let mut file = open(path, &options).map_err(fail)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let held_by = read(&mut file);
                    let has_ended = held_by.as_ref().is_some_and(|it| it.has_ended(holder));
                    if !has_ended || began.elapsed() >= LEFT_WAIT_MAX {
                        return Err(FolderError::InUse {
                            path: path.to_owned(),
                            holder: held_by,
                        });
                    }
                    std::thread::sleep(LEFT_LOOK);
                }
                Err(TryLockError::Error(source)) => return Err(fail(source)),
            }
        }
        // On a full disk the lock still holds; only its holder's name is missing.
        let _ = write(&mut file, holder);
        Ok(Self {
            _locked: Locked(file),
        })
    }
}

/// Who uses a data folder, as somebody sees who only looks.
#[derive(Debug)]
pub(crate) enum Looked {
    /// Nobody, and no node can start as long as this is kept: others may look meanwhile.
    Free {
        /// The lock goes with it; absent where no node has ever begun.
        _lock: Option<Locked>,
    },
    /// A process, which the file names.
    Held(Option<Holder>),
    /// Something that no node has made is there: `a link`, or `no file`.
    Foreign(&'static str),
    /// The system does not say.
    Unknown(io::Error),
}

/// Looks at the lock of the folder at `path`, and changes nothing.
pub(crate) fn look(path: &Path) -> Looked {
    let mut file = match open(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Looked::Free { _lock: None };
        }
        Err(error) => {
            let what = what_stands_there(&error);
            return what.map_or(Looked::Unknown(error), Looked::Foreign);
        }
    };
    match file.try_lock_shared() {
        Ok(()) => Looked::Free {
            _lock: Some(Locked(file)),
        },
        Err(TryLockError::WouldBlock) => Looked::Held(read(&mut file)),
        Err(TryLockError::Error(error)) => Looked::Unknown(error),
    }
}

/// Opens the lock's file. A node that is not confined yet writes to it: not where an engine of before has put a link.
fn open(folder: &Path, options: &OpenOptions) -> io::Result<File> {
    open_file_as(&folder.join(LOCK_NAME), options, OFlags::NOFOLLOW)
}

/// What stands in the place of the lock's file, if that is why it cannot be opened.
fn what_stands_there(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error) {
        Some(Errno::LOOP) => Some("a link"),
        _ => is_no_file(error).then_some("no file"),
    }
}

fn refused(folder: &Path, source: io::Error) -> FolderError {
    match what_stands_there(&source) {
        Some(what) => FolderError::NoLock {
            path: folder.join(LOCK_NAME),
            what,
        },
        None => FolderError::Unlockable {
            path: folder.to_owned(),
            source,
        },
    }
}

/// Whether there is a process of this number.
pub(crate) fn is_alive(pid: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // One of another user is there too.
    let is_there = |pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    pid.is_some_and(is_there)
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.rewind().ok()?;
    file.take(HOLDER_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn write(file: &mut File, holder: &Holder) -> io::Result<()> {
    let text = serde_json::to_vec(holder).map_err(io::Error::other)?;
    // Only the holder comes here: what a node before it has written may be longer.
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}

fn named(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another node".to_owned(), Holder::to_string)
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pid, socket) = (self.pid, self.socket.display());
        write!(f, "the node in process {pid}, which listens on {socket}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processes that are there.
    const ONE: u32 = 1;

    fn this() -> u32 {
        std::process::id()
    }

    fn holder(pid: u32) -> Holder {
        Holder {
            pid,
            program: 1,
            socket: "/run/a.sock".into(),
        }
    }

    #[test]
    fn a_folder_has_one_node_and_the_other_is_told_which() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path(), &holder(this())).unwrap();
        let refused = FolderLock::take(folder.path(), &holder(8)).unwrap_err();
        assert_eq!(refused.code(), "data-folder-in-use");
        let text = refused.to_string();
        let named = format!("process {}", this());
        assert!(
            text.contains(&named) && text.contains("/run/a.sock"),
            "{text}"
        );

        drop(first);
        // A longer text of before is gone.
        let _second = FolderLock::take(folder.path(), &holder(ONE)).unwrap();
        let refused = FolderLock::take(folder.path(), &holder(8)).unwrap_err();
        assert!(refused.to_string().contains("process 1,"), "{refused}");
    }

    #[test]
    fn a_lock_that_says_nothing_of_its_holder_holds_too() {
        let folder = tempfile::tempdir().unwrap();
        let _first = FolderLock::take(folder.path(), &holder(this())).unwrap();
        std::fs::write(folder.path().join(LOCK_NAME), "").unwrap();
        let refused = FolderLock::take(folder.path(), &holder(8)).unwrap_err();
        assert!(refused.to_string().contains("another node"), "{refused}");
    }

    #[test]
    fn who_only_looks_sees_the_holder_keeps_nodes_out_meanwhile_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(look(folder.path()), Looked::Free { _lock: None }));
        assert!(!folder.path().join(LOCK_NAME).exists());
        let first = FolderLock::take(folder.path(), &holder(this())).unwrap();
        let seen = look(folder.path());
        assert!(matches!(seen, Looked::Held(Some(seen)) if seen == holder(this())));
        drop(first);
        let one = look(folder.path());
        let other = look(folder.path());
        for seen in [&one, &other] {
            assert!(matches!(seen, Looked::Free { _lock: Some(_) }));
        }
        FolderLock::take(folder.path(), &holder(8)).unwrap_err();
        drop((one, other));
        drop(FolderLock::take(folder.path(), &holder(8)).unwrap());
    }

    /// What has the lock lets go of it soon, and the start gets it then.
    fn starts_after(left: &Holder) {
        let folder = tempfile::tempdir().unwrap();
        let left = FolderLock::take(folder.path(), left).unwrap();
        std::thread::scope(|scope| {
            let starts = scope.spawn(|| FolderLock::take(folder.path(), &holder(this())));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!starts.is_finished());
            drop(left);
            drop(starts.join().unwrap().unwrap());
        });
    }

    #[test]
    fn a_start_waits_for_what_a_killed_node_has_left_running() {
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        starts_after(&holder(ended.id()));
    }

    #[test]
    fn a_start_in_the_place_of_a_node_waits_for_what_that_one_has_left_running() {
        let before = Holder {
            program: 0,
            ..holder(this())
        };
        starts_after(&before);
        let socket = || PathBuf::from("/run/a.sock");
        assert_eq!(Holder::this(socket()), Holder::this(socket()));
    }

    #[test]
    fn what_stands_in_the_place_of_the_lock_is_named_and_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_NAME);
        let refused = |what: &str| {
            assert!(matches!(look(folder.path()), Looked::Foreign(found) if found == what));
            let refused = FolderLock::take(folder.path(), &holder(this())).unwrap_err();
            assert_eq!(refused.code(), "data-folder-unlockable");
            let said = format!("{} is {what}", path.display());
            assert!(refused.to_string().contains(&said), "{refused}");
            assert!(refused.next().contains("remove it"), "{}", refused.next());
            std::fs::remove_file(&path).unwrap();
        };
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        refused("no file");
        std::os::unix::fs::symlink(folder.path().join("other"), &path).unwrap();
        refused("a link");
        drop(FolderLock::take(folder.path(), &holder(this())).unwrap());
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_locked() {
        let folder = tempfile::tempdir().unwrap();
        let refused = FolderLock::take(&folder.path().join("none"), &holder(this())).unwrap_err();
        assert_eq!(refused.code(), "data-folder-unlockable");
    }
}
