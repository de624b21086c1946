//! The probe's parent process: starts the child, reads its output within bounds, kills it when its time is up.

use super::challenge::{Challenge, VARIABLE};
use super::{ProbeCommand, ProbeError, report};
use crate::helper::{Given, Kind, Process, Started};
use crate::stage::StagedArtifact;
use refit_abi::descriptor::Descriptor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest report, in bytes: a descriptor of the greatest length, as JSON.
pub(super) const REPORT_BYTES_MAX: usize = 8 * refit_abi::descriptor::DESCRIPTOR_BYTES_MAX;

/// The part of the end of standard error that is kept, in bytes.
const COMPLAINT_BYTES_MAX: usize = 4096;

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 16;

/// Pause between two looks at a child that closed its outputs and should be ending.
const EXIT_LOOK: Duration = Duration::from_micros(200);

/// The output and the end of a child.
pub(super) struct Output {
    status: ExitStatus,
    report: Vec<u8>,
    complaint: Vec<u8>,
}

impl Output {
    /// The descriptor that it reported with this answer, or why there is none.
    pub(super) fn descriptor(self, answer: &str) -> Result<Descriptor, ProbeError> {
        let output = tail(&self.complaint);
        if let Some(signal) = self.status.signal() {
            return Err(ProbeError::Crashed { signal, output });
        }
        if self.report.is_empty() {
            let exit_code = self.status.code().unwrap_or(-1);
            return Err(ProbeError::Ended { exit_code, output });
        }
        report::read(&self.report)?.into_descriptor(answer)
    }
}

/// Runs the command on a staged module until it ends.
pub(super) fn run(
    command: &ProbeCommand,
    challenge: &Challenge,
    staged: &StagedArtifact,
) -> Result<Output, ProbeError> {
    let started = match &command.helper {
        Some(helper) => {
            let question = challenge.question().to_owned();
            let files = [staged.as_fd()];
            let given = Given {
                files: &files,
                ..Given::default()
            };
            helper.start(&Kind::Probe { question }, &given)
        }
        None => start(command, challenge, &staged.path_for_child()),
    };
    heard(command, started)
}

/// Listens to the child until it ends.
fn heard(command: &ProbeCommand, started: io::Result<Started>) -> Result<Output, ProbeError> {
    let mut child = started.map_err(|source| ProbeError::NotStarted {
        program: command.program.clone(),
        source,
    })?;
    let deadline = Instant::now() + command.deadline;
    let mut ear = Ear::default();
    let outputs = [child.stdout, child.stderr].map(Some);
    let heard =
        listen(outputs, &mut ear, deadline).and_then(|()| end(&mut child.process, deadline));
    // Whoever has no helper any more does not know whether it was the module that took the time.
    let heard = match (heard, child.process.try_wait()) {
        (Err(Silence::TimeUp), Err(error)) => Err(Silence::Failed(error)),
        (heard, _) => heard,
    };
    match heard {
        Ok(status) => Ok(Output {
            status,
            report: ear.report,
            complaint: ear.complaint,
        }),
        Err(Silence::TimeUp) => Err(ProbeError::Hung {
            seconds: command.deadline.as_secs_f32(),
            output: tail(&ear.complaint),
        }),
        Err(Silence::TooLong) => {
            let reason = format!("it is longer than {REPORT_BYTES_MAX} bytes");
            Err(ProbeError::NotUnderstood { reason })
        }
        Err(Silence::Failed(source)) => Err(ProbeError::Unheard { source }),
    }
}

fn start(command: &ProbeCommand, challenge: &Challenge, path: &Path) -> io::Result<Started> {
    let child = Command::new(&command.program)
        .args(&command.arguments)
        .arg(path)
        // The verdict is about the bytes: no variable of the node's has a say.
        .env_clear()
        .envs(
            command
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .env(VARIABLE, challenge.question())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Started::of(child)
}

/// Why there is nothing more to hear.
enum Silence {
    TimeUp,
    TooLong,
    Failed(io::Error),
}

impl From<Errno> for Silence {
    fn from(error: Errno) -> Self {
        Self::Failed(error.into())
    }
}

/// The bytes that were read so far.
#[derive(Default)]
struct Ear {
    report: Vec<u8>,
    complaint: Vec<u8>,
}

/// Reads both outputs until the child closed them.
fn listen(outputs: [Option<OwnedFd>; 2], ear: &mut Ear, deadline: Instant) -> Result<(), Silence> {
    let [mut report, mut complaint] = outputs;
    while report.is_some() || complaint.is_some() {
        let ready = {
            let sources = [
                report.as_ref().map(AsFd::as_fd),
                complaint.as_ref().map(AsFd::as_fd),
            ];
            wait(sources, deadline)?
        };
        if ready[0] && !hear(&report, |bytes| keep_start(&mut ear.report, bytes))? {
            report = None;
        }
        if ready[1] && !hear(&complaint, |bytes| keep_end(&mut ear.complaint, bytes))? {
            complaint = None;
        }
    }
    Ok(())
}

/// Waits until one of the sources has something to read or was closed.
fn wait(sources: [Option<BorrowedFd<'_>>; 2], deadline: Instant) -> Result<[bool; 2], Silence> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Silence::TimeUp);
    }
    let timeout = Timespec::try_from(left).map_err(|_| Silence::TimeUp)?;
    let mut polled: Vec<PollFd<'_>> = sources
        .iter()
        .flatten()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    match poll(&mut polled, Some(&timeout)) {
        Ok(0) => Err(Silence::TimeUp),
        Ok(_) => {
            let mut ready = polled.iter().map(|fd| !fd.revents().is_empty());
            Ok(sources.map(|source| source.is_some() && ready.next().unwrap_or(false)))
        }
        // A signal ended the wait: the caller waits again, for the rest of the time.
        Err(Errno::INTR) => Ok([false, false]),
        Err(error) => Err(error.into()),
    }
}

/// Reads once; false at the end.
fn hear(
    source: &Option<impl AsFd>,
    keep: impl FnOnce(&[u8]) -> Result<(), Silence>,
) -> Result<bool, Silence> {
    let Some(source) = source else {
        return Ok(false);
    };
    let mut buffer = [0; READ_BYTES];
    match rustix::io::read(source, &mut buffer) {
        Ok(0) => Ok(false),
        Ok(read) => keep(&buffer[..read]).map(|()| true),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn keep_start(kept: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Silence> {
    // The start is kept and not the end: a report that is cut cannot be read anyway.
    if kept.len() + bytes.len() > REPORT_BYTES_MAX {
        return Err(Silence::TooLong);
    }
    kept.extend_from_slice(bytes);
    Ok(())
}

fn keep_end(kept: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Silence> {
    kept.extend_from_slice(bytes);
    kept.drain(..kept.len().saturating_sub(COMPLAINT_BYTES_MAX));
    Ok(())
}

/// Waits for the end of a child that closed its outputs.
fn end(child: &mut Process, deadline: Instant) -> Result<ExitStatus, Silence> {
    loop {
        if let Some(status) = child.try_wait().map_err(Silence::Failed)? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            return Err(Silence::TimeUp);
        }
        // Polled: it has closed its outputs and ends in a moment, or it hangs and the deadline comes.
        std::thread::sleep(EXIT_LOOK);
    }
}

fn tail(complaint: &[u8]) -> String {
    // A module writes there.
    refit_abi::host::shown_end(
        String::from_utf8_lossy(complaint).trim(),
        COMPLAINT_BYTES_MAX,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::host::Explain;

    fn shell(script: &str) -> ProbeCommand {
        ProbeCommand::new("/bin/sh").argument("-c").argument(script)
    }

    fn outcome(script: &str, deadline: Duration) -> ProbeError {
        let (command, challenge) = (shell(script).deadline(deadline), Challenge::new());
        let output = heard(
            &command,
            start(&command, &challenge, Path::new("/dev/null")),
        );
        output
            .and_then(|output| output.descriptor("no answer"))
            .unwrap_err()
    }

    #[test]
    fn every_way_to_end_badly_has_its_own_code() {
        let long = Duration::from_secs(20);
        assert_eq!(outcome("kill -SEGV $$", long).code(), "probe-crashed");
        assert_eq!(outcome("exit 3", long).code(), "probe-ended");
        assert_eq!(outcome("echo '{}'", long).code(), "probe-not-understood");
        assert_eq!(outcome("yes", long).code(), "probe-not-understood");
        let missing = ProbeCommand::new("/no/such/program");
        let started = start(&missing, &Challenge::new(), Path::new("/dev/null"));
        let error = heard(&missing, started).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "probe-not-started");
        assert!(error.is_retryable());
    }

    #[test]
    fn a_child_that_hangs_is_killed_at_the_deadline_even_if_it_closed_its_outputs() {
        let short = Duration::from_millis(200);
        let started = Instant::now();
        assert_eq!(outcome("sleep 60", short).code(), "probe-hung");
        assert_eq!(
            outcome("exec >&- 2>&-; exec sleep 60", short).code(),
            "probe-hung"
        );
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_end_of_what_it_wrote_is_kept() {
        let script = "yes complaint | head -n 10000 >&2; echo last words >&2; kill -ABRT $$";
        let ProbeError::Crashed { signal, output } = outcome(script, Duration::from_secs(20))
        else {
            panic!("it crashed");
        };
        assert_eq!(signal, 6);
        assert!(output.len() <= COMPLAINT_BYTES_MAX && output.ends_with("last words"));
    }
}
