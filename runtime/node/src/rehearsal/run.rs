//! The parent's side: starts the child, has the request and the copy written to it, listens within bounds, kills it when
//! its time is up.

use super::process::{
    COMPLAINT_BYTES_MAX, Heard, Listened, Output, Outputs, Until, converse, end, listen,
};
use super::wire::{Bounds, Found, ModuleAt, Report, Request};
use super::{At, Copying, RehearsalCommand, RehearsalError};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::host::shown_end;
use refit_kernel::limits::ENGINE_STACK_BYTES;
use refit_loader::InterfaceId;
use refit_loader::helper::{Given, Helper, Kind, Process, Started, path_of_file};
use refit_loader::sys::crash;
use refit_loader::sys::fence;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for the end of standard error after a child ended: a process of its own making may hold
/// it open.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);

/// SIGKILL: what the OOM killer sends. A child cannot raise it by accident.
const KILLED: i32 = 9;

/// The text that the allocator of a Rust program prints before it ends the program.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// Has the copy written to a child, behind these bytes.
pub(crate) type Copy<'a> =
    dyn FnOnce(OwnedFd, Vec<u8>) -> Result<Box<dyn Copying>, RehearsalError> + 'a;

/// Codes of a child whose copy arrived incomplete: the copy's writer may know better why.
const NOT_WHOLE: [&str; 3] = [CUT, codes::IMAGE_CUT, codes::IMAGE_NOT_READ];

/// The code of a child whose request arrived incomplete.
pub(super) const CUT: &str = codes::REHEARSAL_CUT;

/// Rehearses in a child process, which is killed once it is `called_off`.
pub(crate) fn run(
    command: &RehearsalCommand,
    request: &Request,
    copy: Box<Copy<'_>>,
    called_off: &dyn Fn() -> bool,
) -> Result<Found, RehearsalError> {
    let failed = |source| not_started(command, source);
    let (started, head) = match &command.helper {
        Some(helper) => {
            let Along { files, request } = along(request).map_err(failed)?;
            let head = encoded(command, &request)?;
            (by_helper(helper, &files).map_err(failed)?, head)
        }
        None => {
            let head = encoded(command, request)?;
            (start(command).map_err(failed)?, head)
        }
    };
    let Started {
        process: mut child,
        stdout,
        stderr,
        stdin,
    } = started;
    let output = converse(Outputs { stdout, stderr }).map_err(failed)?;
    let Some(input) = stdin else {
        return Err(failed(io::Error::other("it has no input")));
    };
    let mut copying = copy(input, head)?;
    let outcome = follow(command, &mut child, &output, called_off);
    match outcome {
        Err(error) if NOT_WHOLE.contains(&error.code()) => Err(copying.failure().unwrap_or(error)),
        outcome => outcome,
    }
}

/// Listens to the child until it ends, or its time is up, or nobody wants to know.
fn follow(
    command: &RehearsalCommand,
    child: &mut Process,
    output: &Output,
    called_off: &dyn Fn() -> bool,
) -> Result<Found, RehearsalError> {
    let deadline = Instant::now() + command.deadline;
    let mut heard = Heard::default();
    let timed_out = |heard: Heard| RehearsalError::TimedOut {
        seconds: command.deadline.as_secs_f32(),
        at: heard.at,
    };
    let until = Until {
        deadline,
        called_off,
    };
    let unwatched = |source| RehearsalError::Unwatched { source };
    match listen(child, &output.lines, &mut heard, &until) {
        Listened::Closed => {}
        Listened::Unwatched(error) => return Err(unwatched(error)),
        Listened::Late => return Err(timed_out(heard)),
        Listened::CalledOff => return Err(RehearsalError::CalledOff),
    }
    let ended = end(child, &until).map_err(unwatched)?;
    let Some(status) = ended else {
        return Err(match called_off() {
            true => RehearsalError::CalledOff,
            false => timed_out(heard),
        });
    };
    match heard.report {
        Some(report) if status.success() => understood(&report),
        _ => {
            // Its last output is on its way through a thread that may not have run yet.
            let _ = output.complained.recv_timeout(LAST_WORDS_WAIT);
            let complaint = output.complaint.lock();
            Err(crashed(command, status, heard.at, &complaint))
        }
    }
}

/// The bounds and the request.
fn encoded(command: &RehearsalCommand, request: &Request) -> Result<Vec<u8>, RehearsalError> {
    let bytes = postcard::to_allocvec(request).map_err(|error| RehearsalError::NotWritten {
        reason: error.to_string(),
    })?;
    // Two crews, one that rehearses and one that talks: none of them can use more than the deadline.
    let threads = 2 * request.workers as u64 + 2;
    let bounds = Bounds {
        // Their stacks are address space, which is what the bound counts, and hardly memory.
        memory_bytes: command
            .memory_bytes
            .saturating_add(threads * ENGINE_STACK_BYTES as u64),
        cpu_s: threads.saturating_mul(command.deadline.as_secs() + 1),
        request_bytes: bytes.len() as u64,
        // What it writes was in its memory.
        file_bytes: request.writes.as_ref().map_or(0, |_| command.memory_bytes),
    };
    Ok([bounds.to_bytes(), bytes].concat())
}

/// A request whose modules go along as open files.
struct Along {
    files: Vec<File>,
    request: Request,
}

/// Opens the modules of a request: the child of a helper cannot reach those of this process.
fn along(request: &Request) -> io::Result<Along> {
    let (mut files, mut request) = (Vec::new(), request.clone());
    let modules = request.old.iter_mut().chain(&mut request.new);
    for ModuleAt { path } in modules {
        let place = path_of_file(files.len());
        files.push(File::open(std::mem::replace(path, place))?);
    }
    Ok(Along { files, request })
}

fn by_helper(helper: &Helper, files: &[File]) -> io::Result<Started> {
    let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    let given = Given {
        reads: true,
        files: &files,
    };
    helper.start(&Kind::Rehearsal, &given)
}

fn start(command: &RehearsalCommand) -> io::Result<Started> {
    let child = Command::new(&command.program)
        .arg0(
            command
                .name
                .as_deref()
                .unwrap_or(command.program.as_os_str()),
        )
        .args(&command.arguments)
        // The child has what it is given, and no variable of the node's changes what it does.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Started::of(child)
}

fn not_started(command: &RehearsalCommand, source: io::Error) -> RehearsalError {
    RehearsalError::NotStarted {
        program: command.program.clone(),
        source,
    }
}

fn understood(report: &[u8]) -> Result<Found, RehearsalError> {
    let report: Report =
        serde_json::from_slice(report).map_err(|error| RehearsalError::NotUnderstood {
            reason: error.to_string(),
        })?;
    // Before the outcome is believed: another build may understand the same request otherwise.
    if report.interface != InterfaceId::of_this_program() {
        return Err(RehearsalError::WrongProgram);
    }
    report.outcome.map_err(RehearsalError::from)
}

fn crashed(
    command: &RehearsalCommand,
    status: ExitStatus,
    at: At,
    complaint: &[u8],
) -> RehearsalError {
    let output = String::from_utf8_lossy(complaint);
    // A crash that names its engine knows better than what was said to be under way.
    let at = crash::engine_in(&output).map_or(at, |engine| At {
        engines: vec![engine],
        kind: None,
    });
    // Engines write there too.
    let output = shown_end(output.trim(), COMPLAINT_BYTES_MAX);
    // Looked for in its words: the allocator ends the process by a signal that says nothing of memory.
    if output.contains(OUT_OF_MEMORY) {
        return RehearsalError::Memory {
            bytes_max: command.memory_bytes,
            at,
        };
    }
    if let Some(engine) = fence::touched(&output) {
        return RehearsalError::OldCode { engine };
    }
    let how = match status.signal() {
        Some(KILLED) => return RehearsalError::Killed { at },
        Some(signal) => format!("signal {signal}"),
        None => format!("exit code {}", status.code().unwrap_or(-1)),
    };
    RehearsalError::Crashed { how, at, output }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Passed;
    use super::*;
    use refit_abi::Generation;
    use refit_upgrade::{Directives, PLAN_FORMAT, Plan};

    /// Nothing is copied to what is no rehearsal.
    struct Nothing;

    impl Copying for Nothing {
        fn failure(&mut self) -> Option<RehearsalError> {
            None
        }
    }

    fn outcome(script: &str, deadline: Duration) -> RehearsalError {
        outcome_or_called_off(script, deadline, &|| false)
    }

    fn outcome_or_called_off(
        script: &str,
        deadline: Duration,
        called_off: &dyn Fn() -> bool,
    ) -> RehearsalError {
        let command = RehearsalCommand::new("/bin/sh")
            .argument("-c")
            .argument(script);
        let request = Request {
            old: Vec::new(),
            kinds: Vec::new(),
            new: Vec::new(),
            workers: 1,
            plan: Plan {
                format: PLAN_FORMAT,
                base: Generation(1),
                base_code: String::new(),
                at_height: None,
                modules: Vec::new(),
                carried: Vec::new(),
                directives: Directives::default(),
                findings: Vec::new(),
                release: None,
                predicted_pause_us: None,
            },
            shadow: None,
            writes: None,
        };
        let copy: Box<Copy<'_>> = Box::new(|_, _| Ok(Box::new(Nothing)));
        run(&command.deadline(deadline), &request, copy, called_off).unwrap_err()
    }

    #[test]
    fn every_way_to_end_badly_has_its_own_code_and_names_the_engine() {
        let long = Duration::from_secs(20);
        let crashed = outcome("echo at kv; echo last words >&2; kill -SEGV $$", long);
        assert!(crashed.to_string().contains("last words"), "{crashed}");
        assert_eq!(crashed.code(), "rehearsal-crashed");
        assert_eq!(crashed.engine_name().as_deref(), Some("kv"));
        let line = "2026-11-28T01:23:46Z ERROR x: an engine ends the process: SIGSEGV at 0x0 engine=ledger kind=l";
        let named = outcome(
            &format!("echo at kv ledger; echo '{line}' >&2; kill -SEGV $$"),
            long,
        );
        assert_eq!(named.engine_name().as_deref(), Some("ledger"));
        let forged = outcome("printf 'a\\033]0;b\\n2031' >&2; kill -SEGV $$", long);
        assert!(!forged.to_string().contains(['\u{1b}', '\n']), "{forged}");
        assert!(crashed.to_string().contains("signal 11"), "{crashed}");
        let memory = "echo at a b; echo 'memory allocation of 8 bytes failed' >&2; kill -ABRT $$";
        assert_eq!(outcome(memory, long).code(), "rehearsal-memory");
        let killed = outcome("echo at kv; kill -KILL $$", long);
        assert_eq!(killed.code(), "rehearsal-killed");
        assert!(!killed.next().contains("mend"), "{}", killed.next());
        assert_eq!(outcome("exit 0", long).code(), "rehearsal-crashed");
        assert_eq!(
            outcome("echo '{}'", long).code(),
            "rehearsal-not-understood"
        );
        let missing = RehearsalError::NotStarted {
            program: "/no/such".into(),
            source: std::io::Error::other("gone"),
        };
        assert_eq!(missing.code(), "rehearsal-not-started");
    }

    #[test]
    fn the_report_of_another_build_is_not_believed() {
        let report = |interface: InterfaceId| {
            let outcome = Ok(Found::Passed(Passed {
                pause_us: 1,
                runs: 1,
                engines: 1,
                state_bytes: 0,
                memory_bytes: 0,
                digest: String::new(),
            }));
            understood(&serde_json::to_vec(&Report { interface, outcome }).unwrap())
        };
        let other = serde_json::from_str(&format!("[{}0]", "0,".repeat(31))).unwrap();
        assert_eq!(report(other).unwrap_err().code(), "rehearsal-wrong-program");
        assert!(report(InterfaceId::of_this_program()).is_ok());
    }

    #[test]
    fn a_rehearsal_that_is_called_off_ends_at_once_and_its_child_with_it() {
        for rest in ["exec sleep 600", "exec >&- 2>&-; exec sleep 600"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("pid");
            let script = format!("echo at kv; echo $$ > {}; {rest}", file.display());
            let pid = || std::fs::read_to_string(&file).unwrap_or_default();
            let runs = || pid().ends_with('\n');
            let error = outcome_or_called_off(&script, Duration::from_secs(600), &runs);
            assert_eq!(error.code(), "rehearsal-called-off");
            let process = format!("/proc/{}", pid().trim());
            assert!(!std::path::Path::new(&process).exists(), "{process}");
        }
    }

    #[test]
    fn a_child_that_hangs_is_killed_at_the_deadline_even_if_it_closed_its_outputs() {
        let (short, started) = (Duration::from_millis(300), Instant::now());
        let error = outcome("echo at kv; echo at kv ledger; exec sleep 60", short);
        assert_eq!(error.code(), "rehearsal-timeout");
        assert!(error.to_string().contains("kv, ledger"), "{error}");
        let outside = outcome("echo at kv; echo 'at '; echo in kv; exec sleep 60", short);
        let said = "in code of kind `kv` outside of a transition: a default";
        assert!(outside.to_string().contains(said), "{outside}");
        let silent = outcome("exec >&- 2>&-; exec sleep 60", short);
        assert_eq!(silent.code(), "rehearsal-timeout");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
