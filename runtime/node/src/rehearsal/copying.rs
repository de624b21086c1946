//! The copy of the engines for a rehearsal: written by a fork of the node, which has their memory as it was between two
//! blocks, while the node goes on. It takes no lock but the allocator's: what it reads is the executor's, which its own
//! thread had in hands.

use super::RehearsalError;
use super::wire::Failed;
use refit_abi::host::shown_end;
use refit_kernel::{Executor, ImageScope, StreamError};
use refit_loader::Loader;
use refit_loader::sys::crash;
use refit_loader::sys::fork::{End, Outputs, ProcessCopy, fork};
use std::fs::File;
use std::io::{self, BufWriter, PipeReader, Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Bytes that are written ahead of the reader.
const AHEAD_BYTES: usize = 256 << 10;

/// The part of its stderr that is read, in bytes: a pipe has room for no more.
const COMPLAINTS_BYTES_MAX: u64 = 64 << 10;

/// How much of their end is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 1_024;

/// Longest wait for its end once its stream has ended.
const END_WAIT: Duration = Duration::from_secs(1);

/// Begins the line that says why the copy failed.
const WHY: &str = "refit: not copied: ";

/// Writes the copy of the states.
pub(crate) trait Copying {
    /// Why the copy was not written to its end, if that is not its reader's fault.
    fn failure(&mut self) -> Option<RehearsalError>;
}

/// The engines to copy, and the receiver of the copy.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) scope: ImageScope,
    /// Bytes that go before the image.
    pub(crate) head: Vec<u8>,
    pub(crate) to: OwnedFd,
    /// Processor time for it, in seconds.
    pub(crate) cpu_s: u64,
}

/// A fork of this process that writes the copy; it ends with this.
#[derive(Debug)]
pub(crate) struct Forked {
    process: ProcessCopy,
    complaints: PipeReader,
}

impl Forked {
    /// Forks; only on the thread that has the executor, between two blocks. The caller holds
    /// [`Loader::settled`](refit_loader::Loader::settled).
    pub(crate) fn fork(executor: &Executor, order: Order) -> io::Result<Self> {
        let (complaints, to) = io::pipe()?;
        let outputs = Outputs {
            to: order.to,
            complaints: to.into(),
        };
        let (scope, head) = (&order.scope, &order.head);
        let process = fork(outputs, order.cpu_s, |to, complaints| {
            write(executor, scope, head, to)
                .map_err(|error| complain(error, complaints))
                .is_ok()
        })?;
        Ok(Self {
            process,
            complaints,
        })
    }

    /// Has the system end it before the node when memory is short.
    pub(crate) fn goes_first(&self, loader: &Loader) {
        let process = self.process.id().map(i32::unsigned_abs);
        process.into_iter().for_each(|copy| loader.goes_first(copy));
    }

    /// Waits at most as long for its end. `None` if it is not over.
    pub(crate) fn ended_within(&mut self, wait: Duration) -> Option<End> {
        self.process.ended_within(wait)
    }
}

fn write(
    executor: &Executor,
    scope: &ImageScope,
    head: &[u8],
    to: &mut File,
) -> Result<(), StreamError> {
    let mut to = BufWriter::with_capacity(AHEAD_BYTES, to);
    let written = to.write_all(head);
    written.map_err(|source| StreamError::Write { source })?;
    executor.write_image(scope, &mut to).map(drop)
}

fn complain(error: StreamError, to: &mut File) {
    // A reader that has ended says itself why.
    if matches!(error, StreamError::Write { .. }) {
        return;
    }
    let failed = Failed::of(&RehearsalError::from(error));
    let line = serde_json::to_string(&failed).unwrap_or_default();
    // If there is no room, the copy ends without a reason.
    let _ = write!(to, "\n{WHY}{line}\n");
}

impl Copying for Forked {
    fn failure(&mut self) -> Option<RehearsalError> {
        let end = self.process.ended_within(END_WAIT);
        let how = match end {
            None | Some(End::Done) => return None,
            Some(End::NotDone) => "a failure".to_owned(),
            Some(End::Signal(signal)) => format!("signal {signal}"),
        };
        let mut said = Vec::new();
        let mut complaints = (&mut self.complaints).take(COMPLAINTS_BYTES_MAX);
        // The output so far is shown, whatever ends it.
        let _ = complaints.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        // From the end: what engines wrote there before may look like it.
        let why = said.lines().rev().find_map(|line| line.strip_prefix(WHY));
        if let Some(failed) = why.and_then(|why| serde_json::from_str::<Failed>(why).ok()) {
            return Some(failed.into());
        }
        Some(RehearsalError::CopyEnded {
            how,
            engine: crash::engine_in(&said),
            output: shown_end(said.trim(), SHOWN_BYTES_MAX),
        })
    }
}
