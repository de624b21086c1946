//! The listeners of a server, and why one may not be opened.

use crate::{HostName, Share, Token};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The address to listen on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Listen {
    /// On a unix socket, open to this user alone. The folder must exist; the socket that a dead
    /// node left is replaced.
    Unix(PathBuf),
    /// The same, open to the members of a group too.
    UnixGroup {
        /// The path of the socket. The folders above it must let the group in.
        path: PathBuf,
        /// The group's number.
        group: u32,
    },
    /// On TCP, with a token on every request.
    Tcp {
        /// The address; port 0 takes a free one.
        addr: SocketAddr,
        /// The token that a client must present.
        token: Token,
        /// Names under which clients may ask for it, beside its address.
        hosts: Vec<HostName>,
    },
    /// On TCP, without a token, for `/livez`, `/readyz` and `/metrics` alone: for supervisors of the process.
    Probes {
        /// The address; port 0 takes a free one.
        addr: SocketAddr,
        /// Names under which clients may ask for it, beside its address.
        hosts: Vec<HostName>,
    },
}

impl Listen {
    /// The path of its unix socket; `None` on TCP.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) | Self::UnixGroup { path, .. } => Some(path),
            Self::Tcp { .. } | Self::Probes { .. } => None,
        }
    }

    /// Its port; `None` on a unix socket.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { addr, .. } | Self::Probes { addr, .. } => Some(addr.port()),
            Self::Unix(_) | Self::UnixGroup { .. } => None,
        }
    }

    /// By which way those come in who reach engines here. Nobody does where there are probes alone.
    pub(crate) fn share(&self) -> Share {
        match self {
            Self::Unix(_) | Self::UnixGroup { .. } | Self::Probes { .. } => Share::UNIX,
            Self::Tcp { token, .. } => token.share(),
        }
    }
}

/// The address that a server does listen on. Shown as `unix:PATH` or `http://HOST:PORT`, the form that the command
/// line's `--node` takes; one for probes, which it does not take, as `probes http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// The path of the socket.
    Unix(PathBuf),
    /// The bound address.
    Tcp(SocketAddr),
    /// The bound address of a listener for probes.
    Probes(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(addr) => write!(f, "http://{addr}"),
            Self::Probes(addr) => write!(f, "probes http://{addr}"),
        }
    }
}

/// Why a server could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another node owns the path.
    #[error("a node already listens on {}; stop it, or give this one another path", path.display())]
    InUse {
        /// The path of the socket.
        path: PathBuf,
    },
    /// Something that is no socket lies there.
    #[error("{} exists and is not a socket; remove it, or give another path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Something that is no file lies where the lock of the socket is.
    #[error("{} exists and is no file; remove it, or give the socket another path", path.display())]
    NoLock {
        /// The path of the lock.
        path: PathBuf,
    },
    /// The system does not give the socket to the group.
    #[error("{} cannot be given to the group {group}; name a group that this user is a member of", path.display())]
    Group {
        /// The path of the socket.
        path: PathBuf,
        /// The group's number.
        group: u32,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The system said that it gave the socket to the group, and it did not.
    #[error("{} belongs to the group {found} and not to {group}; name another group, or a path on another file system", path.display())]
    OtherGroup {
        /// The path of the socket.
        path: PathBuf,
        /// The number of the group that was asked for.
        group: u32,
        /// The number of the group that has it.
        found: u32,
    },
    /// The file system does not keep the mode.
    #[error("{} would be open to others (mode {mode:o}); give a path on another file system", path.display())]
    Mode {
        /// The path of the socket.
        path: PathBuf,
        /// The mode it got.
        mode: u32,
    },
    /// The system refused the path.
    #[error("cannot listen on {}; see that its folder exists, is yours, and that the path has fewer than 108 bytes", path.display())]
    Unix {
        /// The path of the socket.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The system refused the address.
    #[error("cannot listen on {addr}; give a free address of this machine")]
    Tcp {
        /// The address as asked for.
        addr: SocketAddr,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}
