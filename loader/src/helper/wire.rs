//! Orders to the helper, and what comes back on a leash: one message each, in postcard, with descriptors beside.

use super::{FILES_MAX, ORDER_BYTES_MAX};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Descriptors of an order beside files: the leash, input, output and error.
pub(super) const STREAMS: usize = 4;

/// Bytes of a message about descriptors.
const RIGHTS_BYTES: usize = rustix::cmsg_space!(ScmRights(STREAMS + FILES_MAX));

/// What may be started: this program under one of its hidden commands, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The probe of the module that is its only file.
    Probe {
        /// The question that it answers.
        question: String,
    },
    /// A rehearsal: its input says of what.
    Rehearsal,
    /// The trial of a roll-back, on a copy.
    Trial {
        /// The folder of the copy, inside the data folder.
        folder: PathBuf,
    },
    /// The build of a release's source: its input says of which package, and its only file is where the library goes.
    Build {
        /// The folder of the release, inside the data folder.
        folder: PathBuf,
    },
}

/// What is asked of the helper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Start a child.
    Start(Kind),
    /// Have this process, which is a child of the node's own, go first when the machine is short of memory.
    GoesFirst { process: u32 },
}

/// What a leash says of its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    /// It has begun.
    Begun,
    /// It has not, by this error of the system's.
    NotBegun { error: i32 },
    /// It has ended, with this status, as `wait` gives it.
    Ended { status: i32 },
}

/// A message and its descriptors.
#[derive(Debug)]
pub(super) struct Received<T> {
    pub(super) said: T,
    pub(super) files: Vec<OwnedFd>,
}

/// Sends one message, whole.
pub(super) fn send(
    socket: impl AsFd,
    said: &impl Serialize,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = postcard::to_allocvec(said).map_err(io::Error::other)?;
    if bytes.len() > ORDER_BYTES_MAX || files.len() > STREAMS + FILES_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); RIGHTS_BYTES];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !rights.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    loop {
        // Without the flag, a reader that has gone would end this process.
        match sendmsg(
            &socket,
            &[IoSlice::new(&bytes)],
            &mut rights,
            SendFlags::NOSIGNAL,
        ) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes one message; `None` once the other end is closed. Waits as the socket does, or as the flags say.
pub(super) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
    flags: RecvFlags,
) -> io::Result<Option<Received<T>>> {
    let mut bytes = [0; ORDER_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); RIGHTS_BYTES];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match recvmsg(
            &socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut rights,
            flags,
        ) {
            Ok(received) => break received,
            Err(Errno::INTR) => {}
            Err(Errno::CONNRESET) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    };
    let mut files = Vec::new();
    for message in rights.drain() {
        if let RecvAncillaryMessage::ScmRights(each) = message {
            files.extend(each);
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    if received
        .flags
        .intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC)
    {
        return Err(io::Error::other("a message is longer than messages are"));
    }
    let said = postcard::from_bytes(&bytes[..received.bytes]).map_err(io::Error::other)?;
    Ok(Some(Received { said, files }))
}

#[cfg(test)]
mod tests {
    use super::super::leash::pair;
    use super::*;
    use std::fs::File;
    use std::io::Read;

    #[test]
    fn an_order_arrives_whole_with_its_descriptors_and_the_end_is_seen() {
        let (here, there) = pair().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        let order = Order::Start(Kind::Trial {
            folder: "/data/trial".into(),
        });
        send(&here, &order, &[writer.as_fd()]).unwrap();
        drop(writer);
        let got: Received<Order> = receive(&there, RecvFlags::empty()).unwrap().unwrap();
        assert_eq!((got.said, got.files.len()), (order, 1));
        drop(got.files);
        assert_eq!(File::from(OwnedFd::from(reader)).read(&mut [0]).unwrap(), 0);
        drop(here);
        assert!(
            receive::<Order>(&there, RecvFlags::empty())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn an_order_that_is_too_long_is_not_sent() {
        let (here, _there) = pair().unwrap();
        let question = "?".repeat(ORDER_BYTES_MAX);
        assert!(send(&here, &Kind::Probe { question }, &[]).is_err());
    }
}
