//! [`Running`]: a command in its room, until it has ended.

use super::given::{Given, Writer};
use super::voice::Voice;
use super::{GRACE, reap, strange};
use crate::error::{SandboxError, Step};
use crate::limits::{Limits, Over};
use crate::wire::{Packet, Said, hear};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, shutdown};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two questions whether the command is still wanted, in nanoseconds.
const ASK_NS: i64 = 10_000_000;

/// A command in its room. Dropping it ends the command.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stopper: Stopper,
    limits: Limits,
    writer: Writer,
    said_left: Arc<AtomicU64>,
}

/// Ends a command. Clones end the same.
#[derive(Clone, Debug)]
pub struct Stopper {
    socket: Arc<OwnedFd>,
    stopped: Arc<AtomicBool>,
    said_too_much: Arc<AtomicBool>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// By a signal: its own mistake, or a limit of the system on one process.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
}

/// A command that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub how: How,
    /// What was handed out; nothing if the command failed.
    pub given: Vec<Given>,
    /// The most memory of all its processes together that was seen, in bytes.
    pub peak_memory_bytes: u64,
}

impl Ended {
    /// Whether it did what it was told.
    pub fn succeeded(&self) -> bool {
        self.how == How::Exited { code: 0 }
    }
}

impl Stopper {
    /// Ends the command and all that it has started; [`Running::wait`] says [`SandboxError::Stopped`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.leave();
    }

    pub(super) fn said_too_much(&self) {
        self.said_too_much.store(true, Ordering::Release);
        self.leave();
    }

    /// Tells the launcher that nobody waits any more.
    fn leave(&self) {
        // It fails if the launcher has ended, which is what is wanted.
        let _ = shutdown(&self.socket, Shutdown::Write);
    }
}

/// What was heard so far.
#[derive(Default)]
struct Heard {
    how: Option<How>,
    over: Option<Over>,
    unable: Option<(Step, i32)>,
    peak_memory_bytes: u64,
    failed: Option<SandboxError>,
}

impl Running {
    pub(super) fn new(child: Child, socket: OwnedFd, limits: Limits, into: &Path) -> Self {
        let stopper = Stopper {
            socket: Arc::new(socket),
            stopped: Arc::default(),
            said_too_much: Arc::default(),
        };
        Self {
            child,
            stopper,
            writer: Writer::new(into, &limits),
            said_left: Arc::new(AtomicU64::new(limits.said_bytes)),
            limits,
        }
    }

    /// Its standard output; once. Somebody has to read it until it ends, or the command waits.
    pub fn stdout(&mut self) -> Option<Voice> {
        let source = self.child.stdout.take()?;
        Some(Voice::new(source, &self.said_left, &self.stopper))
    }

    /// Its standard error; as [`Running::stdout`].
    pub fn stderr(&mut self) -> Option<Voice> {
        let source = self.child.stderr.take()?;
        Some(Voice::new(source, &self.said_left, &self.stopper))
    }

    /// Ends it from another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until the command and all that it has started have ended. `is_wanted` is asked about a hundred times a second; the
    /// command is ended when it says no.
    ///
    /// # Errors
    /// [`SandboxError`]: the room could not be made, a limit was reached, or nobody wanted it any more. A command that fails by
    /// itself is no error.
    pub fn wait(mut self, mut is_wanted: impl FnMut() -> bool) -> Result<Ended, SandboxError> {
        let most = Duration::from_millis(self.limits.wall_ms).saturating_add(GRACE);
        let begun = Instant::now();
        let mut heard = Heard::default();
        loop {
            if !is_wanted() {
                self.stopper.stop();
            }
            if begun.elapsed() > most {
                // It should have ended the command long ago: it is stopped, or out of time itself.
                let _ = self.child.kill();
                heard.over = Some(Over::Time);
            }
            if self.is_silent() {
                continue;
            }
            match hear(&self.stopper.socket) {
                Ok(Packet::Message(said)) => self.note(said, &mut heard),
                Ok(Packet::Raw(bytes)) => {
                    let written = self.writer.write(&bytes);
                    written.unwrap_or_else(|error| self.give_up(error, &mut heard));
                }
                Ok(Packet::End) => break,
                Err(error) => {
                    self.give_up(strange(error), &mut heard);
                    break;
                }
            }
        }
        self.result(heard)
    }

    /// Whether nothing was said for a while.
    fn is_silent(&self) -> bool {
        let socket = self.stopper.socket.as_fd();
        let mut heard = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
        let pause = Timespec {
            tv_sec: 0,
            tv_nsec: ASK_NS,
        };
        !matches!(poll(&mut heard, Some(&pause)), Ok(1..))
    }

    fn note(&mut self, said: Said, heard: &mut Heard) {
        match said {
            Said::File(file) => {
                let begun = self.writer.begin(file);
                begun.unwrap_or_else(|error| self.give_up(error, heard));
            }
            Said::Exited { code, signal } => {
                let signalled = signal.map(|signal| How::Signalled { signal });
                heard.how = code.map(|code| How::Exited { code }).or(signalled);
            }
            Said::Unable { step, errno } => heard.unable = Some((step, errno)),
            Said::Over { over } => heard.over = Some(over),
            Said::Done { peak_memory_bytes } => heard.peak_memory_bytes = peak_memory_bytes,
            Said::Tried { .. } => self.give_up(strange("a trial's answer"), heard),
        }
    }

    /// Ends the command because of an error; the first one counts.
    fn give_up(&self, error: SandboxError, heard: &mut Heard) {
        heard.failed.get_or_insert(error);
        self.stopper.leave();
    }

    fn result(&mut self, heard: Heard) -> Result<Ended, SandboxError> {
        // The socket was closed by both of its processes, the last thing that they do.
        reap(&mut self.child);
        if let Some(error) = heard.failed {
            return Err(error);
        }
        let said = self.stopper.said_too_much.load(Ordering::Acquire);
        if let Some(over) = heard.over.or(said.then_some(Over::Said)) {
            let limit = over.of(&self.limits);
            return Err(SandboxError::Over { over, limit });
        }
        if let Some((step, errno)) = heard.unable {
            return Err(SandboxError::Unable { step, errno });
        }
        match heard.how {
            Some(how) => Ok(Ended {
                how,
                given: self.writer.all(how == (How::Exited { code: 0 }))?,
                peak_memory_bytes: heard.peak_memory_bytes,
            }),
            None if self.stopper.stopped.load(Ordering::Acquire) => Err(SandboxError::Stopped),
            None => Err(SandboxError::Silent),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.leave();
        reap(&mut self.child);
    }
}
