//! The child's side: bounds itself, reads the request, rehearses, prints the report, ends.

use super::perform;
use super::wire::{AT, AT_ENGINES_MAX, Failed, Passed, Report, Request};
use parking_lot::Mutex;
use refit_loader::InterfaceId;
use refit_loader::sys::{limits, voice};
use refit_upgrade::UnderWay;
use std::fs::File;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Between two looks at which transitions run.
const LOOK: Duration = Duration::from_millis(10);

/// Where the upgrade of the moment says who is in a transition.
pub(super) type Eye = Arc<Mutex<Option<Arc<UnderWay>>>>;

/// The whole of a rehearsal's `main`. It reads from standard input what the node writes, and runs the
/// code of modules, old and new, in this process, which is marred by it: return the exit code from `main`
/// and do nothing else.
pub fn child_main() -> ExitCode {
    let Ok(mut voice) = voice::set_aside() else {
        return ExitCode::FAILURE;
    };
    let outcome = read().and_then(|request| attend(request, &mut voice));
    let report = Report {
        interface: InterfaceId::of_this_program(),
        outcome,
    };
    let line = serde_json::to_vec(&report).unwrap_or_default();
    let spoken = voice.write_all(&line).and_then(|()| voice.flush());
    match spoken {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn read() -> Result<Request, Failed> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| unable(&error))?;
    let request: Request = postcard::from_bytes(&bytes).map_err(|error| unable(&error))?;
    limits::confine_rehearsal(request.memory_bytes).map_err(|error| unable(&error))?;
    Ok(request)
}

/// Lets a thread rehearse, and says meanwhile which transitions run.
fn attend(request: Request, voice: &mut File) -> Result<Passed, Failed> {
    let eye = Eye::default();
    let (done, outcome) = channel();
    let seen = eye.clone();
    let work = move || {
        // The parent has gone if nobody listens.
        let _ = done.send(perform::run(&request, &seen));
    };
    let thread = std::thread::Builder::new().name("refit-rehearsal".to_owned());
    thread.spawn(work).map_err(|error| unable(&error))?;
    tell_until(&outcome, &eye, voice)
}

fn tell_until(
    outcome: &Receiver<Result<Passed, Failed>>,
    eye: &Eye,
    voice: &mut File,
) -> Result<Passed, Failed> {
    let mut told = Vec::new();
    loop {
        match outcome.recv_timeout(LOOK) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => return Err(unable(&"it panicked")),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let engines = eye.lock().as_ref().map(|under_way| under_way.engines());
        let engines = engines.unwrap_or_default();
        if engines != told {
            let names = engines.iter().take(AT_ENGINES_MAX).map(ToString::to_string);
            let line = format!("{AT}{}\n", names.collect::<Vec<_>>().join(" "));
            voice
                .write_all(line.as_bytes())
                .map_err(|error| unable(&error))?;
            told = engines;
        }
    }
}

/// The child cannot do its work: nothing is said of the upgrade.
pub(super) fn unable(reason: &impl ToString) -> Failed {
    Failed {
        code: "rehearsal-unable".to_owned(),
        detail: format!("the rehearsal cannot be done: {}", reason.to_string()),
        next: "check the process and memory limits of the node, then try again".to_owned(),
        engine: None,
        key: None,
    }
}
