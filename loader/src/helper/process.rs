//! [`Started`]: a child and its outputs, whoever has started it.

use super::leash::Leash;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};

/// A child that has begun.
#[derive(Debug)]
pub struct Started {
    /// The child.
    pub process: Process,
    /// What it writes to standard output.
    pub stdout: OwnedFd,
    /// What it writes to standard error.
    pub stderr: OwnedFd,
    /// What it reads from standard input, if it reads.
    pub stdin: Option<OwnedFd>,
}

/// A child that does not outlive its handle.
#[derive(Debug)]
pub struct Process(Held);

#[derive(Debug)]
enum Held {
    /// This process's own.
    Own(Child),
    /// The helper's.
    Helped(Leash),
}

impl Started {
    /// A child of this process, with pipes for both of its outputs.
    ///
    /// # Errors
    /// If it has an output that is no pipe.
    pub fn of(mut child: Child) -> io::Result<Self> {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let stdin = child.stdin.take();
        let process = Process(Held::Own(child));
        let missing = || io::Error::other("it has no output");
        Ok(Self {
            process,
            stdout: stdout.ok_or_else(missing)?.into(),
            stderr: stderr.ok_or_else(missing)?.into(),
            stdin: stdin.map(Into::into),
        })
    }
}

impl Process {
    pub(super) fn helped(leash: Leash) -> Self {
        Self(Held::Helped(leash))
    }

    /// How it has ended, if it has.
    ///
    /// # Errors
    /// The system's error, or that nobody knows: the helper has ended
    /// ([`is_unhelped`](super::is_unhelped)).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.0 {
            Held::Own(child) => child.try_wait(),
            Held::Helped(leash) => leash.try_wait(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The leash of one that the helper has kills it when it goes.
        if let Held::Own(child) = &mut self.0 {
            // Both fail only if it was waited for already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
