//! What the caller and the launcher's processes say to each other: one packet for each message, on a socket that is the
//! launcher's standard input.
//!
//! The caller says [`Told`] twice, once for each process of the launcher, and then nothing: that it closes its end means that
//! nobody waits any more. The launcher's processes answer with [`Said`]; the bytes of a file follow its message raw.

use crate::error::Step;
use crate::level::{Rights, Tried};
use crate::limits::Over;
use crate::order::Order;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Longest message, in bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 128 << 10;

/// Bytes of a file that travel in one packet.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// How a packet of a file's bytes begins; a message begins with a brace or a quote.
const RAW: u8 = 0;

/// What the caller wants of a process of the launcher.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) role: Role,
    pub(crate) parts: Parts,
    pub(crate) order: Order,
    /// The processes that the user has already and that its limit counts.
    pub(crate) processes_there: u64,
    /// Whether nothing is run: the parts alone are tried.
    pub(crate) trial: bool,
}

/// Which process of the launcher is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// The one outside of the room, which watches.
    Watch,
    /// The first one inside of it.
    Inner,
}

/// The parts of a room that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) namespaces: bool,
    pub(crate) landlock: bool,
    pub(crate) seccomp: bool,
    pub(crate) limits: bool,
}

/// What a process of the launcher says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// The parts of a trial that do not need namespaces.
    Tried {
        landlock: Rights,
        seccomp: Tried,
        limits: Tried,
    },
    /// A step failed; nothing was run, or nothing more is handed out.
    Unable { step: Step, errno: i32 },
    /// A file of the outputs; its bytes follow.
    File(GivenFile),
    /// How the command ended.
    Exited {
        code: Option<i32>,
        signal: Option<i32>,
    },
    /// A limit was reached.
    Over { over: Over },
    /// All is over: the most memory that was seen at once.
    Done { peak_memory_bytes: u64 },
}

/// A file that is handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GivenFile {
    /// From the target.
    pub(crate) path: PathBuf,
    pub(crate) executable: bool,
    pub(crate) bytes: u64,
    /// Since the epoch, in nanoseconds.
    pub(crate) modified_ns: u64,
}

/// A packet.
#[derive(Debug)]
pub(crate) enum Packet<T> {
    Message(T),
    Raw(Vec<u8>),
    /// There are no more.
    End,
}

/// Sends a message.
pub(crate) fn say(socket: impl AsFd, message: &impl Serialize) -> Result<(), Errno> {
    let bytes = serde_json::to_vec(message).map_err(|_| Errno::INVAL)?;
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(Errno::MSGSIZE);
    }
    send_whole(socket, &bytes)
}

/// Sends bytes of a file, at most [`CHUNK_BYTES`].
pub(crate) fn say_raw(socket: impl AsFd, bytes: &[u8]) -> Result<(), Errno> {
    send_whole(socket, &[&[RAW], bytes].concat())
}

fn send_whole(socket: impl AsFd, bytes: &[u8]) -> Result<(), Errno> {
    loop {
        match send(socket.as_fd(), bytes, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return sent.map(drop),
        }
    }
}

/// Waits for the next packet.
pub(crate) fn hear<T: DeserializeOwned>(socket: impl AsFd) -> Result<Packet<T>, Errno> {
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    let (_, length) = loop {
        match recv(socket.as_fd(), &mut buffer[..], RecvFlags::empty()) {
            // The other end had something to read when it closed. It is said once; what was sent before comes all the same.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            heard => break heard?,
        }
    };
    buffer.truncate(length);
    match buffer.first() {
        None => Ok(Packet::End),
        Some(&RAW) => Ok(Packet::Raw(buffer.split_off(1))),
        Some(_) => {
            let message = serde_json::from_slice(&buffer);
            message.map(Packet::Message).map_err(|_| Errno::BADMSG)
        }
    }
}
