//! [`Leash`]: one child of the helper's, as whoever ordered it sees it.

use super::wire::{Said, receive};
use super::{BEGIN_WAIT_MAX, GONE_WAIT_MAX, unhelped};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, Shutdown, SocketFlags, SocketType, shutdown, socketpair,
};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// A pair of sockets whose messages stay whole.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
    Ok(socketpair(AddressFamily::UNIX, kind, flags, None)?)
}

/// Holds a child: it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Leash {
    socket: OwnedFd,
    ended: Option<ExitStatus>,
}

impl Leash {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            ended: None,
        }
    }

    /// Waits for the helper's word that the child has begun.
    pub(super) fn begun(&mut self) -> io::Result<()> {
        match self.hear(BEGIN_WAIT_MAX)? {
            Some(Said::Begun) => Ok(()),
            Some(Said::NotBegun { error }) => Err(io::Error::from_raw_os_error(error)),
            Some(Said::Ended { .. }) => Err(io::Error::other("it has ended before it began")),
            None => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// How it has ended, if it has.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.wait(Duration::ZERO)
    }

    fn wait(&mut self, most: Duration) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none()
            && let Some(Said::Ended { status }) = self.hear(most)?
        {
            self.ended = Some(ExitStatus::from_raw(status));
        }
        Ok(self.ended)
    }

    /// The next word, if one comes in time.
    fn hear(&self, most: Duration) -> io::Result<Option<Said>> {
        if !readable(&self.socket, most)? {
            return Ok(None);
        }
        let heard = receive(&self.socket, RecvFlags::empty())?;
        let heard = heard.ok_or_else(unhelped)?;
        Ok(Some(heard.said))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        // Seen by the helper, which kills the child and says so. If it has gone, so have its children.
        let _ = shutdown(&self.socket, Shutdown::Write);
        let _ = self.wait(GONE_WAIT_MAX);
    }
}

/// Whether something can be read, or the end be seen, within this time.
fn readable(socket: impl AsFd, most: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + most;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut polled = [PollFd::new(&socket, PollFlags::IN)];
        match poll(&mut polled, Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
