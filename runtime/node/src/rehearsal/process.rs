//! The child as a process: its output is bounded in size and in time, and its end is waited for. It does not outlive its
//! handle, whoever has started it.

use super::At;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use refit_loader::helper::Process;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most that a child may print in all, in bytes.
const OUTPUT_BYTES_MAX: u64 = 8 << 20;

/// Lines that wait to be looked at.
const LINES_MAX: usize = 64;

/// Between two looks at whether the rehearsal is called off, or nobody watches its child, while that is silent.
const CALLED_OFF_LOOK: Duration = Duration::from_millis(10);

/// How much of the end of standard error is kept, in bytes.
pub(crate) const COMPLAINT_BYTES_MAX: usize = 4_096;

/// Between two looks at a child that closed its output and should be ending.
const EXIT_LOOK: Duration = Duration::from_millis(1);

/// The end of what the child wrote to standard error.
pub(crate) type Complaint = Arc<Mutex<Vec<u8>>>;

/// The child's output.
pub(crate) struct Output {
    pub(crate) lines: Receiver<Vec<u8>>,
    pub(crate) complaint: Complaint,
    /// Disconnects when standard error has ended.
    pub(crate) complained: Receiver<()>,
}

/// How long is listened.
pub(crate) struct Until<'a> {
    pub(crate) deadline: Instant,
    /// Whether nobody wants to know any more.
    pub(crate) called_off: &'a dyn Fn() -> bool,
}

/// The output read so far.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) report: Option<Vec<u8>>,
    pub(crate) at: At,
}

/// How the listening ended.
pub(crate) enum Listened {
    /// The child has closed its output.
    Closed,
    /// Its time is up.
    Late,
    /// Nobody wants to know any more.
    CalledOff,
    /// Nobody knows what becomes of the child.
    Unwatched(io::Error),
}

/// Where a child writes.
pub(crate) struct Outputs {
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// Threads that read both outputs. They end with the pipes, so none of them is waited for.
pub(crate) fn converse(outputs: Outputs) -> io::Result<Output> {
    let (sender, lines) = bounded(LINES_MAX);
    let (complaint, (ended, complained)) = (Complaint::default(), bounded(0));
    let thread = |name: &str| std::thread::Builder::new().name(format!("refit-rehearsal-{name}"));
    let (stdout, stderr) = (File::from(outputs.stdout), File::from(outputs.stderr));
    thread("out").spawn(move || hear(stdout, &sender))?;
    let kept = complaint.clone();
    thread("err").spawn(move || {
        keep_end(stderr, &kept);
        drop(ended);
    })?;
    Ok(Output {
        lines,
        complaint,
        complained,
    })
}

fn hear(output: impl Read, lines: &Sender<Vec<u8>>) {
    // A child that prints without end is cut here, and fails for want of a report.
    let mut output = BufReader::new(output.take(OUTPUT_BYTES_MAX));
    let mut line = Vec::new();
    while matches!(output.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        if lines.send(std::mem::take(&mut line)).is_err() {
            return;
        }
    }
}

fn keep_end(mut output: impl Read, complaint: &Complaint) {
    let mut buffer = [0; COMPLAINT_BYTES_MAX];
    while let Ok(read @ 1..) = output.read(&mut buffer) {
        let mut kept = complaint.lock();
        kept.extend_from_slice(&buffer[..read]);
        let excess = kept.len().saturating_sub(COMPLAINT_BYTES_MAX);
        // The end is kept: the last words before a crash are what says why.
        kept.drain(..excess);
    }
}

/// Listens until the child has closed its output.
pub(crate) fn listen(
    child: &mut Process,
    lines: &Receiver<Vec<u8>>,
    heard: &mut Heard,
    until: &Until<'_>,
) -> Listened {
    loop {
        if (until.called_off)() {
            return Listened::CalledOff;
        }
        match lines.recv_deadline(until.deadline.min(Instant::now() + CALLED_OFF_LOOK)) {
            Ok(line) => match At::of(&line) {
                Some(at) => heard.at = at,
                None => heard.report = Some(line),
            },
            Err(RecvTimeoutError::Disconnected) => return Listened::Closed,
            Err(RecvTimeoutError::Timeout) if Instant::now() >= until.deadline => {
                return Listened::Late;
            }
            // One that has just been started outlives its helper, and holds its output open.
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = child.try_wait() {
                    return Listened::Unwatched(error);
                }
            }
        }
    }
}

/// Waits for the end of a child that closed its output; `None` if it does not come in time.
///
/// # Errors
/// The system's error: nobody knows how it ends, or whether it has.
pub(crate) fn end(child: &mut Process, until: &Until<'_>) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until.deadline || (until.called_off)() {
            return Ok(None);
        }
        std::thread::sleep(EXIT_LOOK);
    }
}
