//! [`Outputs`]: standard output and standard error of this process, and pipes in their place.
//!
//! A write to a full disk, to a pipe without a reader or to a terminal that stands still fails or blocks in
//! no matter who writes. Code that runs in this process writes to descriptors 1 and 2 whenever it likes, so a node
//! puts pipes there and reads them always; where its own words go, it keeps.

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::stdio::{dup2_stderr, dup2_stdout, stderr, stdout};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Descriptors below this one have a meaning of their own.
const FIRST_FREE: i32 = 3;

/// The two outputs as they were when this was made. Closed in whatever program this process becomes.
#[derive(Debug)]
pub struct Outputs {
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// The ends of the two pipes from which is read what this process writes to its outputs. Reading them does not
/// block.
#[derive(Debug)]
pub struct Diverted {
    /// Of what is written to descriptor 1.
    pub stdout: OwnedFd,
    /// Of what is written to descriptor 2.
    pub stderr: OwnedFd,
}

impl Outputs {
    /// The outputs as they are now.
    ///
    /// # Errors
    /// The system's error.
    pub fn keep() -> io::Result<Self> {
        Ok(Self {
            stdout: fcntl_dupfd_cloexec(stdout(), FIRST_FREE)?,
            stderr: fcntl_dupfd_cloexec(stderr(), FIRST_FREE)?,
        })
    }

    /// Standard output as it was.
    ///
    /// # Errors
    /// The system's error.
    pub fn stdout(&self) -> io::Result<File> {
        Ok(self.stdout.try_clone()?.into())
    }

    /// Standard error as it was.
    ///
    /// # Errors
    /// The system's error.
    pub fn stderr(&self) -> io::Result<File> {
        Ok(self.stderr.try_clone()?.into())
    }

    /// Puts pipes in the place of both.
    ///
    /// # Errors
    /// The system's error; both are then as they were.
    pub fn divert(&self) -> io::Result<Diverted> {
        let (out_reader, out_writer) = pipe()?;
        let (err_reader, err_writer) = pipe()?;
        let diverted = dup2_stdout(&out_writer).and_then(|()| dup2_stderr(&err_writer));
        if let Err(error) = diverted {
            self.restore()?;
            return Err(error.into());
        }
        super::crash::tell_to(
            self.stderr.as_fd(),
            [out_reader.as_fd(), err_reader.as_fd()],
        );
        Ok(Diverted {
            stdout: out_reader,
            stderr: err_reader,
        })
    }

    /// Puts both back: for the end of the process, and for a program that takes its place.
    ///
    /// # Errors
    /// The system's error.
    pub fn restore(&self) -> io::Result<()> {
        dup2_stdout(&self.stdout)?;
        dup2_stderr(&self.stderr)?;
        Ok(())
    }
}

/// A pipe of which only the writer waits.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    Ok((reader, writer))
}
