//! [`Helper`]: the confined process's end.

use super::leash::{Leash, pair};
use super::process::{Process, Started};
use super::wire::{Kind, Order, receive, send};
use super::{FILES_LEAST, FILES_MAX, unhelped};
use crate::sys::inherited;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::RecvFlags;
use rustix::process::{Pid, Resource, WaitOptions, getrlimit, waitpid};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The helper of this process.
#[derive(Debug)]
pub struct Helper {
    socket: OwnedFd,
    /// The process, until it was waited for; `None` too if nobody knows which it is.
    child: Mutex<Option<Pid>>,
}

/// A helper that goes along into the program that takes this one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoesAlong {
    /// The number of its socket, which is left open.
    pub socket: i32,
    /// The process, which stays a child of this one; absent once it has ended and was waited for.
    #[serde(default)]
    pub process: Option<i32>,
}

/// What a child is given.
#[derive(Debug, Default)]
pub struct Given<'a> {
    /// Whether it reads from a pipe; else there is nothing to read.
    pub reads: bool,
    /// Files that go along: it opens them by [`path_of_file`](super::path_of_file).
    pub files: &'a [BorrowedFd<'a>],
}

impl Helper {
    /// Starts the helper: `command` is this very program under the hidden command that calls
    /// [`serve`](super::serve). It gets the socket as its input.
    ///
    /// # Errors
    /// The system's error.
    pub fn begin(mut command: Command) -> io::Result<Self> {
        if let Some(most) = getrlimit(Resource::Nofile).maximum
            && most < FILES_LEAST
        {
            return Err(io::Error::other(format!(
                "{most} files may be open at once, and it needs {FILES_LEAST}"
            )));
        }
        let (socket, theirs) = pair()?;
        // In a group of its own: what a terminal tells the node is not meant for it.
        let command = command.process_group(0).stdin(Stdio::from(theirs));
        let child = Mutex::new(Some(Pid::from_child(&command.spawn()?)));
        Ok(Self { socket, child })
    }

    /// The helper of the program that was here before, in this very process.
    ///
    /// # Errors
    /// The system's error: nothing is open under the socket's number.
    pub fn taken(before: GoesAlong) -> io::Result<Self> {
        Ok(Self {
            socket: inherited::take(before.socket)?,
            child: Mutex::new(before.process.and_then(Pid::from_raw)),
        })
    }

    /// Has the socket left open in the program that takes this one's place.
    ///
    /// # Errors
    /// The system's error.
    pub fn goes_along(&self) -> io::Result<GoesAlong> {
        fcntl_setfd(&self.socket, FdFlags::empty())?;
        let process = *self.child.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(GoesAlong {
            socket: self.socket.as_raw_fd(),
            process: process.map(|process| process.as_raw_nonzero().get()),
        })
    }

    /// Starts a child.
    ///
    /// # Errors
    /// The system's error, as the helper met it; or that the helper has ended.
    pub fn start(&self, kind: &Kind, given: &Given<'_>) -> io::Result<Started> {
        self.ordered(kind, given)
            .map_err(|error| match self.is_there() {
                true => error,
                false => unhelped(),
            })
    }

    fn ordered(&self, kind: &Kind, given: &Given<'_>) -> io::Result<Started> {
        if given.files.len() > FILES_MAX {
            return Err(io::Error::other(format!(
                "it needs {} files, and {FILES_MAX} go along",
                given.files.len()
            )));
        }
        let (leash, theirs) = pair()?;
        let (stdout, to_stdout) = io::pipe()?;
        let (stderr, to_stderr) = io::pipe()?;
        let (from_stdin, stdin): (OwnedFd, Option<OwnedFd>) = match given.reads {
            true => {
                let (reader, writer) = io::pipe()?;
                (reader.into(), Some(writer.into()))
            }
            false => (File::open("/dev/null")?.into(), None),
        };
        let streams = [
            theirs.as_fd(),
            from_stdin.as_fd(),
            to_stdout.as_fd(),
            to_stderr.as_fd(),
        ];
        let files: Vec<_> = streams.iter().chain(given.files).copied().collect();
        send(&self.socket, &Order::Start(kind.clone()), &files)?;
        // Else the end of an output would not be seen, nor that of the helper.
        drop((theirs, from_stdin, to_stdout, to_stderr));
        let mut leash = Leash::new(leash);
        leash.begun()?;
        Ok(Started {
            process: Process::helped(leash),
            stdout: stdout.into(),
            stderr: stderr.into(),
            stdin,
        })
    }

    /// Has a child of this process's own, such as a copy of it, go before it when the machine is short of memory.
    ///
    /// # Errors
    /// The system's error, if the helper has ended; what it says of the process is not told.
    pub fn goes_first(&self, process: u32) -> io::Result<()> {
        send(&self.socket, &Order::GoesFirst { process }, &[])
    }

    /// Whether the helper is there still.
    pub fn is_there(&self) -> bool {
        let mut looked = [PollFd::new(&self.socket, PollFlags::empty())];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // The system tells of its end unasked.
        let told = poll(&mut looked, Some(&now));
        told.is_ok() && looked[0].revents().is_empty()
    }

    /// Waits until the helper has ended: nothing can be started from then on. On a thread that does nothing else.
    pub fn ended(&self) {
        // It never says anything here: what comes is its end.
        while matches!(receive::<()>(&self.socket, RecvFlags::empty()), Ok(Some(_))) {}
        self.wait();
    }

    /// Has the system forget a helper that has closed its socket, which it does as it ends.
    fn wait(&self) {
        let process = *self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(process) = process else {
            return;
        };
        while matches!(
            waitpid(Some(process), WaitOptions::empty()),
            Err(Errno::INTR)
        ) {}
        // From now on its number may be another's.
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
