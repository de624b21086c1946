//! The child's side: bounds itself, reads the request, rehearses, prints the report, ends.

use super::At;
use super::perform;
use super::run::CUT;
use super::shadow;
use super::wire::{Bounds, Failed, Found, Report, Request};
use parking_lot::Mutex;
use refit_abi::codes;
use refit_kernel::limits::ENGINE_STACK_BYTES;
use refit_loader::InterfaceId;
use refit_loader::sys::{crash, limits, voice};
use refit_upgrade::UnderWay;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Between two looks at which transitions run.
const LOOK: Duration = Duration::from_millis(10);

/// Longest time in which nothing is said: a child that nobody listens to any more learns of it when it
/// speaks.
const BEAT: Duration = Duration::from_millis(250);

/// Bytes that are read ahead of the image.
const AHEAD_BYTES: usize = 256 << 10;

/// The source of the image.
pub(super) type Input = BufReader<File>;

/// The upgrade under way writes here which engines are in a transition.
pub(super) type Observer = Arc<Mutex<Option<Arc<UnderWay>>>>;

/// The whole of a rehearsal's `main`. It reads from standard input what the node writes, and runs the
/// code of modules, old and new, in this process, which is marred by it: return the exit code from `main`
/// and do nothing else.
pub fn child_main() -> ExitCode {
    let Ok(mut stdout) = voice::set_aside() else {
        return ExitCode::FAILURE;
    };
    // A parent that ended before this, or that runs another program by now, is noticed by the silence
    // at the other end: see `tell_until`.
    let outcome = limits::end_with_parent()
        .and_then(|()| crash::install())
        .map_err(|error| unable(&error))
        .and_then(|()| input().map_err(|error| unable(&error)))
        .and_then(|mut input| read(&mut input).map(|request| (request, input)))
        .and_then(|(request, input)| attend(request, input, &mut stdout));
    let report = Report {
        interface: InterfaceId::of_this_program(),
        outcome,
    };
    let line = serde_json::to_vec(&report).unwrap_or_default();
    let spoken = stdout.write_all(&line).and_then(|()| stdout.flush());
    match spoken {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn input() -> std::io::Result<Input> {
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    Ok(BufReader::with_capacity(AHEAD_BYTES, input.into()))
}

/// Reads the request up to the image, under its bounds.
fn read(input: &mut impl Read) -> Result<Request, Failed> {
    let mut bounds = [0; Bounds::BYTES];
    input.read_exact(&mut bounds).map_err(|error| cut(&error))?;
    let bounds = Bounds::from_bytes(&bounds);
    // Before the request is read, which is as large as somebody else says.
    let confined = limits::confine_rehearsal(limits::RehearsalBounds {
        memory_bytes: bounds.memory_bytes,
        cpu_s: bounds.cpu_s,
        file_bytes: bounds.file_bytes,
    });
    confined.map_err(|error| unable(&error))?;
    let mut bytes = Vec::new();
    input
        .take(bounds.request_bytes)
        .read_to_end(&mut bytes)
        .map_err(|error| unable(&error))?;
    if (bytes.len() as u64) < bounds.request_bytes {
        return Err(cut(&"it ends within the request"));
    }
    postcard::from_bytes(&bytes).map_err(|error| unable(&error))
}

/// Lets a thread rehearse, and says meanwhile which transitions run.
fn attend(request: Request, input: Input, stdout: &mut impl Write) -> Result<Found, Failed> {
    let observer = Observer::default();
    let (done, outcome) = channel();
    let seen = observer.clone();
    let work = move || {
        // The parent has gone if nobody listens.
        let _ = done.send(match &request.shadow {
            Some(stretch) => shadow::run(&request, stretch, &seen).map(Found::Shadow),
            None => perform::run(&request, input, &seen).map(Found::Passed),
        });
    };
    // It makes engines of the image: their states are read on its stack.
    let thread = std::thread::Builder::new()
        .name("refit-rehearsal".to_owned())
        .stack_size(ENGINE_STACK_BYTES);
    thread.spawn(work).map_err(|error| unable(&error))?;
    tell_until(&outcome, &observer, stdout)
}

/// Says who is under way whenever that changes, and at least once in a [`BEAT`]. Nobody listening is an
/// error: the parent has ended, and with it the deadline that it keeps.
fn tell_until(
    outcome: &Receiver<Result<Found, Failed>>,
    observer: &Observer,
    stdout: &mut impl Write,
) -> Result<Found, Failed> {
    let (mut told, mut spoke) = (At::default(), Instant::now());
    loop {
        match outcome.recv_timeout(LOOK) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => return Err(defect(&"it panicked")),
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Looked at from outside: a transition that loops says nothing itself.
        let engines = observer
            .lock()
            .as_ref()
            .map(|under_way| under_way.engines());
        let at = At::look(&engines.unwrap_or_default());
        if at != told || spoke.elapsed() >= BEAT {
            stdout
                .write_all(at.line().as_bytes())
                .map_err(|error| unable(&error))?;
            (told, spoke) = (at, Instant::now());
        }
    }
}

/// The error for a request that arrives incomplete: its writer knows why.
fn cut(reason: &impl ToString) -> Failed {
    Failed {
        code: CUT.to_owned(),
        ..not_done(reason, "see the log of the node, then try again")
    }
}

/// The system does not let the child do its work: nothing is said of the upgrade.
pub(super) fn unable(reason: &impl ToString) -> Failed {
    not_done(
        reason,
        "check the process and memory limits of the node, then try again",
    )
}

/// The child cannot do its work, and nothing but its own code can be why.
pub(super) fn defect(reason: &impl ToString) -> Failed {
    not_done(
        reason,
        "this is a defect in refit: report it with the node's log; apply with --no-rehearsal goes on without",
    )
}

fn not_done(reason: &impl ToString, next: &str) -> Failed {
    Failed {
        code: codes::REHEARSAL_UNABLE.to_owned(),
        detail: format!("the rehearsal cannot be done: {}", reason.to_string()),
        next: next.to_owned(),
        engine: None,
        key: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_when_nobody_listens_although_its_upgrade_loops() {
        let (listener, mut stdout) = std::io::pipe().unwrap();
        // The loop: nothing comes, and the sender stays.
        let (_looping, outcome) = channel();
        let child =
            std::thread::spawn(move || tell_until(&outcome, &Observer::default(), &mut stdout));
        drop(listener);
        assert_eq!(child.join().unwrap().unwrap_err().code, "rehearsal-unable");
    }
}
