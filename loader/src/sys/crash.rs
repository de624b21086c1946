//! Names the code that crashes the process: at a fatal signal, one line on standard error says whose code ran.
//!
//! The handler runs on a stack of its own, which each thread is given, so that an overflow of the stack is reported
//! too, reads what the thread has noted ([`refit_abi::host::running`]), writes a line of bounded length without allocating or
//! locking, and lets the signal do what it would have done: exit status and core file stay as they are. What
//! was printed into the pipes of [`super::outputs`] and not yet read goes out behind the line. All signals that
//! end a process are told, unless somebody handles or ignores them. No engine takes over those of code that goes
//! wrong; a handler that it installs for another one is its own.
//!
//! Code of an engine that runs outside of a call, on a thread that it has started or in a handler, is named by the
//! library that it is in.
//!
//! A process that an engine forked is not the node: it ends without a word and without what the node does at its
//! end. Where a second thread goes wrong while the first writes its line, it waits, so that the line comes out whole.

mod libraries;
mod line;
mod signals;
mod threads;

use super::interposers::library_at;
use line::Line;
use refit_abi::EngineId;
use refit_abi::host::running::{self, Here, Label};
use std::ffi::CStr;
use std::fmt::{Arguments, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

pub(crate) use libraries::{gone, named};
pub use signals::install;
pub(super) use signals::{exchange, is_teller, stands_for_default, without_faults};
pub(super) use threads::{begins, maker};

/// Most bytes of what was printed last that go out behind the line.
pub const LAST_WORDS_BYTES_MAX: usize = 4_096;

/// Longest wait for a standard error that takes nothing, in milliseconds: the process has to end.
pub const TELL_WAIT_MS: i32 = 200;

/// Time for what was said before a crash to come out.
const SETTLE: rustix::thread::Timespec = rustix::thread::Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// The start of the line, after time and level, if engine code ran.
const ENDS: &str = "an engine ends the process: ";

/// Begins the engine's id.
const ENGINE: &str = " engine=";

/// The descriptor that the line goes to: 2, or what it was before it was diverted.
static EAR: AtomicI32 = AtomicI32::new(2);

/// The pipes that hold what was printed; below 0 for none.
static PRINTS: [AtomicI32; 2] = [const { AtomicI32::new(-1) }; 2];

/// Longest wait for another thread that tells, in looks at [`SETTLE`]'s distance: as long as it may wait four times
/// for a standard error that takes nothing.
const TELLER_LOOKS: usize = 40;

/// The thread that writes the line; 0 before one does. Only the first fault is reported: the others follow from it.
static TELLER: AtomicI32 = AtomicI32::new(0);

/// Whether the line and the last words are written.
static TOLD: AtomicBool = AtomicBool::new(false);

/// The process that has the node's line, its outputs and its end; 0 before it is known.
static HOME: AtomicI32 = AtomicI32::new(0);

/// Makes this process the one whose end is reported: those that come of it by `fork` do not.
pub(super) fn at_home() {
    HOME.store(process(), Ordering::Release);
}

/// Whether this process was forked from the one whose end is reported, or is about to become another program
/// after a call such as `vfork`. Async-signal-safe.
pub(super) fn is_forked() -> bool {
    let home = HOME.load(Ordering::Acquire);
    home != 0 && home != process()
}

/// Whether fatal signals are reported in this process. Async-signal-safe.
pub(super) fn is_told() -> bool {
    HOME.load(Ordering::Acquire) == process()
}

/// Whether the process ends: what else it sets does not matter. Async-signal-safe.
pub(super) fn is_telling() -> bool {
    TELLER.load(Ordering::Acquire) != 0
}

fn process() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// Has a crash reported to `ear`, followed by what is left in `prints`. They must stay open as long as the process
/// lives; a closed one is passed over.
pub(super) fn tell_to(ear: BorrowedFd<'_>, prints: [BorrowedFd<'_>; 2]) {
    for (slot, print) in PRINTS.iter().zip(prints) {
        slot.store(print.as_raw_fd(), Ordering::Release);
    }
    EAR.store(ear.as_raw_fd(), Ordering::Release);
}

/// Writes the line for what ends the process now, code at `address`, and what was printed last.
/// Async-signal-safe.
///
/// If another thread writes it already, waits for that thread and writes nothing.
fn tell(here: Option<&Here>, address: usize, what: Arguments<'_>) {
    let this = rustix::thread::gettid().as_raw_nonzero().get();
    let first = TELLER.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire);
    match first {
        Ok(_) => {
            write_line(here, address, what);
            last_words();
            TOLD.store(true, Ordering::Release);
        }
        // This thread failed again while it wrote the line: no other one writes it.
        Err(teller) if teller == this => {}
        Err(_) => wait_for_teller(),
    }
}

fn wait_for_teller() {
    for _ in 0..TELLER_LOOKS {
        if TOLD.load(Ordering::Acquire) {
            return;
        }
        let _ = rustix::thread::nanosleep(&SETTLE);
    }
}

/// Whose code ends the process.
enum Whose<'a> {
    /// The code of the call which this thread runs.
    Call(&'a Here),
    /// The code of a library, outside of a call of the node.
    Library(Code),
    /// The node's, or nobody knows.
    Unknown,
}

/// Code of a library.
struct Code {
    /// The address where the library begins.
    base: usize,
    /// The address of the code, if it is in the library itself: it may have called the C library.
    at: Option<usize>,
    /// Whether a library has started the thread.
    is_its_thread: bool,
}

impl Code {
    /// The code at `address`, or else that which has started this thread.
    fn at(address: usize) -> Option<Self> {
        let started_by = threads::started_by();
        let found = library_at(address);
        let named = found.filter(|base| libraries::label(*base).is_some());
        let base = named.or(started_by)?;
        Some(Self {
            base,
            at: (found == Some(base)).then(|| address.saturating_sub(base)),
            is_its_thread: started_by.is_some(),
        })
    }
}

fn write_line(here: Option<&Here>, address: usize, what: Arguments<'_>) {
    let whose = match here {
        Some(here) => Whose::Call(here),
        None => Code::at(address).map_or(Whose::Unknown, Whose::Library),
    };
    let mut line = Line::empty();
    line.begin();
    // A line that is full is cut; there is nobody to tell.
    let _ = match whose {
        Whose::Call(here) => engine(&mut line, here, what),
        Whose::Library(code) => library(&mut line, &code, what),
        Whose::Unknown => write!(
            line,
            "the process ends outside of an engine's call: {what} thread={}",
            line::Thread::this()
        ),
    };
    line.end();
    line.write_to(EAR.load(Ordering::Acquire));
}

fn library(line: &mut Line, code: &Code, what: Arguments<'_>) -> std::fmt::Result {
    line.write_str(match code.is_its_thread {
        true => "a thread that an engine has started ends the process: ",
        false => "code of an engine ends the process outside of a call: ",
    })?;
    line.write_fmt(what)?;
    let label = libraries::label(code.base);
    match label.or_else(running::started_by) {
        Some(label) => of(line, label)?,
        None => line.write_str(" library=(unknown)")?,
    }
    write!(line, " thread={}", line::Thread::this())?;
    match code.at {
        Some(at) => write!(line, " code=+{at:#x}"),
        None => Ok(()),
    }
}

fn engine(line: &mut Line, here: &Here, what: Arguments<'_>) -> std::fmt::Result {
    write!(line, "{ENDS}{what}")?;
    match here.engine {
        Some(engine) => write!(line, "{ENGINE}{engine}")?,
        None => write!(line, "{ENGINE}(unknown)")?,
    }
    of(line, here.label)?;
    write!(line, " call={}", here.call)?;
    match here.message {
        Some(message) => write!(
            line,
            " sender={:?} sequence={}",
            message.sender, message.sequence
        ),
        None => Ok(()),
    }
}

fn of(line: &mut Line, label: &Label) -> std::fmt::Result {
    write!(line, " kind={}", label.kind())?;
    write!(
        line,
        " package={} version={}",
        label.package(),
        label.version()
    )
}

/// Called when the C library ends the process: its own functions call its `exit` past the stand-ins.
extern "C" fn at_exit() {
    let here = here();
    if (here.is_some() || threads::started_by().is_some()) && !is_forked() {
        tell(here.as_ref(), 0, format_args!("it had `exit` called"));
    }
}

/// Reports the end by a function of the C library.
fn install_at_exit() -> bool {
    // SAFETY: a function of this program, which is never unmapped, and which the C library may call at any time.
    unsafe { libc::atexit(at_exit) == 0 }
}

/// The process is about to end by a call of the C library's function `by` at `caller`; says so if it is an
/// engine's code that calls it. A process that an engine has forked ends alone. Async-signal-safe.
pub(super) fn ends(by: &CStr, status: i32, caller: usize) {
    let here = here();
    let is_engines = here.is_some() || Code::at(caller).is_some();
    if !is_engines || is_forked() {
        return;
    }
    let by = by.to_str().unwrap_or_default();
    tell(
        here.as_ref(),
        caller,
        format_args!("it called {by}({status})"),
    );
}

/// The program is about to be replaced by a call of the C library's function `by`; says so if it is an engine's code
/// that calls it, and gives whether it did. Async-signal-safe.
pub(super) fn replaces(by: &CStr, program: &CStr) -> bool {
    let here = here();
    if here.is_none() && threads::started_by().is_none() {
        return false;
    }
    let by = by.to_str().unwrap_or_default();
    // Of a name that is no text, the part that is.
    let program = program.to_bytes().utf8_chunks().next();
    let program = program.map_or("", |chunk| chunk.valid());
    // Not by `tell`: the system may refuse the program, and meanwhile another thread may end the process.
    write_line(
        here.as_ref(),
        0,
        format_args!("it called {by}({program:?}), which puts another program in its place"),
    );
    last_words();
    true
}

/// Writes that the process goes on: the system refused the other program. A later end is reported again.
pub(super) fn goes_on() {
    let mut line = Line::empty();
    line.begin();
    // A line that is full is cut; there is nobody to tell.
    let _ = line.write_str("the system refused the other program: the process goes on");
    line.end();
    line.write_to(EAR.load(Ordering::Acquire));
}

/// The engine that the line of a crash names, in what a process wrote to standard error.
pub fn engine_in(text: &str) -> Option<String> {
    let (_, line) = text.split_once(ENDS)?;
    let (line, _) = line.split_once('\n').unwrap_or((line, ""));
    let (_, after) = line.split_once(ENGINE)?;
    let engine: EngineId = after.split(' ').next()?.parse().ok()?;
    Some(engine.to_string())
}

/// Lets out what was printed and not yet read. Async-signal-safe.
fn last_words() {
    // The threads that read the pipes and write the log go on meanwhile: what was said before comes out.
    let _ = rustix::thread::nanosleep(&SETTLE);
    let ear = EAR.load(Ordering::Acquire);
    for print in &PRINTS {
        line::pass_on(print.load(Ordering::Acquire), ear, LAST_WORDS_BYTES_MAX);
    }
}

/// The call of an engine's code that this thread runs.
fn here() -> Option<Here> {
    running::here()
}
