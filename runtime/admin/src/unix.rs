//! The unix socket: made with mode 0600, taken over from a dead node, refused to a second one.
//!
//! Its mode is set on the descriptor *before* it is bound, so the file is never there with a wider one. One that is
//! for a group too belongs to the group before its mode lets the group in. Beside it lies `PATH.lock`, locked as long as the node lives: the holder of the lock owns the path, so two nodes that start
//! at once cannot both take over a stale socket.

use crate::listen::BindError;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixSocket};

/// Connections that wait in the system's queue.
const BACKLOG: u32 = 1024;

/// The mode of the socket and of its lock file.
const MODE: u32 = 0o600;

/// The mode of a socket that is for a group too.
const GROUP_MODE: u32 = 0o660;

/// A bound socket. Removes its file when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
    inode: u64,
    _lock: Lock,
}

/// The right to a path. It ends when this is dropped.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// A process that is being started beside it has the file too until it runs its program: closing it alone would not give
    /// the path back.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl Socket {
    /// Binds `path`, for the members of `group` too if one is named. Must be called inside a tokio runtime.
    pub(crate) fn bind(path: &Path, group: Option<u32>) -> Result<Self, BindError> {
        let fail = |source| BindError::Unix {
            path: path.to_owned(),
            source,
        };
        // A path that is too long leaves no lock behind.
        SocketAddr::from_pathname(path).map_err(fail)?;
        let lock = lock(path)?;
        remove_stale(path)?;
        let listener = listen(path).map_err(fail)?;
        let let_in = group.map_or(Ok(MODE), |group| let_in(path, group));
        let metadata = std::fs::symlink_metadata(path).map_err(fail)?;
        let mode = metadata.mode() & 0o777;
        let others = group.filter(|group| *group != metadata.gid());
        let refused = match (let_in, others) {
            (Ok(expected), _) if mode != expected => Some(BindError::Mode {
                path: path.to_owned(),
                mode,
            }),
            (Ok(_), Some(group)) => Some(BindError::OtherGroup {
                path: path.to_owned(),
                group,
                found: metadata.gid(),
            }),
            (Ok(_), None) => None,
            (Err(error), _) => Some(error),
        };
        if let Some(refused) = refused {
            // Others could connect to it, or those who should cannot: it must not stay.
            let _ = std::fs::remove_file(path);
            return Err(refused);
        }
        Ok(Self {
            listener,
            path: path.to_owned(),
            inode: metadata.ino(),
            _lock: lock,
        })
    }
}

/// Gives the socket to a group and lets its members in, in this order: in between nobody else is. Returns the mode
/// that it has then.
fn let_in(path: &Path, group: u32) -> Result<u32, BindError> {
    let given = lchown(path, None, Some(group));
    let mode = Permissions::from_mode(GROUP_MODE);
    match given.and_then(|()| std::fs::set_permissions(path, mode)) {
        Ok(()) => Ok(GROUP_MODE),
        Err(source) => Err(BindError::Group {
            path: path.to_owned(),
            group,
            source,
        }),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Another file may be at the path by now.
        let mine = |metadata: &std::fs::Metadata| metadata.ino() == self.inode;
        if std::fs::symlink_metadata(&self.path).is_ok_and(|metadata| mine(&metadata)) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = UnixSocket::new_stream()?;
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(MODE))?;
    socket.bind(path)?;
    socket.listen(BACKLOG)
}

fn lock(path: &Path) -> Result<Lock, BindError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let fail = |source| BindError::Unix {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(MODE)
        // Engines can put a pipe there, whose opener would wait for a reader.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(&name);
    let no_file = || BindError::NoLock {
        path: name.clone().into(),
    };
    let file = file.map_err(|error| match Errno::from_io_error(&error) {
        // A socket, a pipe that nobody reads, a folder.
        Some(Errno::NXIO | Errno::ISDIR) => no_file(),
        _ => fail(error),
    })?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(no_file());
    }
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(BindError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(fail(source)),
    }
}

/// Removes the socket that a dead node left. Called with the lock held.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let fail = |source| BindError::Unix {
        path: path.to_owned(),
        source,
    };
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fail(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket {
            path: path.to_owned(),
        });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(fail)
        }
        _ => Err(BindError::InUse {
            path: path.to_owned(),
        }),
    }
}
