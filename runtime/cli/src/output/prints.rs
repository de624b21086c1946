//! [`Prints`]: what engines write to standard output and standard error, as lines of the log.

use refit_abi::host::shown;
use refit_loader::sys::outputs::Diverted;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// The target of these lines in the log.
pub(crate) const PRINTED: &str = "engine_output";

/// Longest line, in bytes; of a longer one the rest is a line of its own.
const LINE_BYTES_MAX: usize = 4_096;

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 14;

/// After so many milliseconds without more, what is not yet a whole line counts as one.
const PAUSE_MS: i64 = 200;

/// The two threads that read what is printed.
#[derive(Debug)]
pub(super) struct Prints {
    ending: Arc<AtomicBool>,
    /// Disconnected when both have read all.
    done: Receiver<()>,
}

/// The reader of one pipe.
struct Reader {
    pipe: File,
    stream: &'static str,
    /// Of a line whose end has not come.
    begun: Vec<u8>,
    ending: Arc<AtomicBool>,
    _done: Sender<()>,
}

impl Prints {
    pub(super) fn begin(pipes: Diverted) -> io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let (sender, done) = channel();
        for (pipe, stream) in [(pipes.stdout, "stdout"), (pipes.stderr, "stderr")] {
            let reader = Reader {
                pipe: pipe.into(),
                stream,
                begun: Vec::new(),
                ending: ending.clone(),
                _done: sender.clone(),
            };
            let thread = std::thread::Builder::new().name(format!("refit-{stream}-in"));
            thread.spawn(move || reader.work())?;
        }
        Ok(Self { ending, done })
    }

    /// Has both readers see that the end is near. To be called while the pipes are still in their places.
    pub(super) fn wake(&self) {
        self.ending.store(true, Ordering::Release);
        // Nothing is lost if a reader is gone.
        let _ = io::stdout()
            .write_all(b"\n")
            .and_then(|()| io::stdout().flush());
        let _ = io::stderr().write_all(b"\n");
    }

    /// Reads to the end what was printed, until the deadline. A process that an engine has started may hold
    /// the pipes open: what it prints later is not waited for.
    pub(super) fn finish(self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let _ = self.done.recv_timeout(left);
    }
}

impl Reader {
    fn work(mut self) {
        let mut bytes = vec![0; READ_BYTES];
        loop {
            let ending = self.ending.load(Ordering::Acquire);
            match self.pipe.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => self.take(&bytes[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if ending {
                        break;
                    }
                    self.wait();
                }
                Err(_) => break,
            }
        }
        self.tell_begun();
    }

    /// Waits for more, and for the end.
    fn wait(&mut self) {
        let pause = Timespec {
            tv_sec: 0,
            tv_nsec: PAUSE_MS * 1_000_000,
        };
        let most = (!self.begun.is_empty()).then_some(&pause);
        let mut ready = [PollFd::from_borrowed_fd(self.pipe.as_fd(), PollFlags::IN)];
        if matches!(poll(&mut ready, most), Ok(0)) {
            self.tell_begun();
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.begun.len() >= LINE_BYTES_MAX {
                self.tell_begun();
            }
        }
    }

    fn tell_begun(&mut self) {
        let text = String::from_utf8_lossy(&self.begun);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            // Its escapes may be longer than the text itself: none is cut off.
            let text = shown(text, usize::MAX);
            tracing::info!(target: PRINTED, stream = self.stream, "{text}");
        }
        self.begun.clear();
    }
}
