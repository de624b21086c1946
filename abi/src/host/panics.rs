//! Panics of engines' code, reported at once: a program that runs engines listens, and knows whose code it was.

use super::running::{self, Here, Label};
use crate::fault::{FAULT_DETAIL_BYTES_MAX, shown};
use crate::raw::Bytes;
use crate::voice::{Ear, PanicNotice};
use std::backtrace::Backtrace;
use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest name of a source file that is kept, in bytes.
const FILE_BYTES_MAX: usize = 256;

/// A panic of engine code. Its texts are escaped and bounded.
#[derive(Debug)]
pub struct EnginePanic {
    /// The call that the thread was in; `None` outside of a call.
    pub here: Option<Here>,
    /// Whether the thread is one of the node's. Outside of a call it then ends, and a destructor of a thread-local
    /// value panicked, for which the standard library ends the process.
    pub is_nodes: bool,
    /// An address in the library that panicked; 0 if none is known.
    pub address: usize,
    /// Whose code has started the thread, if that is known and an engine's has.
    pub started_by: Option<&'static Label>,
    /// The text of the panic.
    pub text: String,
    /// The source file; empty if it is not known.
    pub file: String,
    /// The line in it.
    pub line: u32,
    /// The calls that led to it, if [`with_backtraces`] was called.
    pub backtrace: Option<Backtrace>,
}

/// Takes a panic. It may be called on any thread, and must not take a lock that engine code may hold.
pub type Listener = fn(&EnginePanic);

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Whether panics are reported with a backtrace.
static BACKTRACES: AtomicBool = AtomicBool::new(false);

/// Has panics of engines reported to `listener`, from now until the process ends; the first one counts. Where nobody
/// listens they are a line on standard error.
pub fn listen(listener: Listener) {
    let _ = LISTENER.set(listener);
}

/// Has panics reported with a backtrace from now on. Where it names functions, the standard library maps the files
/// that they lie in and keeps them: a module of which one was taken stays mapped when it is retired. The
/// variable `RUST_BACKTRACE` is not asked for that, because it is often set for other reasons.
pub fn with_backtraces() {
    BACKTRACES.store(true, Ordering::Relaxed);
}

/// The function by which modules report their panics.
pub(super) const EAR: Ear = Ear { panicked: tell };

/// Takes a panic from a module.
///
/// # Safety
/// The notice is borrowed for the call: `Bytes` are made of slices alone.
unsafe extern "C" fn tell(notice: PanicNotice<'_>) {
    // A panic must not go on into the module, which has another copy of the standard library.
    let told = catch_unwind(AssertUnwindSafe(|| tell_listener(notice)));
    if let Err(panic) = told {
        std::mem::forget(panic);
    }
}

fn tell_listener(notice: PanicNotice<'_>) {
    let text = |bytes: Bytes<'_>, most| shown(&String::from_utf8_lossy(bytes.as_slice()), most);
    let panic = EnginePanic {
        here: running::here(),
        is_nodes: running::is_nodes(),
        // A location is the compiler's own, so that the file's name lies in the library.
        address: match notice.file.as_slice() {
            [] => 0,
            file => file.as_ptr() as usize,
        },
        started_by: running::started_by(),
        text: text(notice.text, FAULT_DETAIL_BYTES_MAX),
        file: text(notice.file, FILE_BYTES_MAX),
        line: notice.line,
        backtrace: BACKTRACES
            .load(Ordering::Relaxed)
            .then(Backtrace::force_capture),
    };
    match LISTENER.get() {
        Some(listener) => listener(&panic),
        None => drop(writeln!(std::io::stderr().lock(), "{panic}")),
    }
}

/// `engine kv (kv-engine 0.3.1) panicked at src/lib.rs:25: too much`.
impl fmt::Display for EnginePanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.here {
            Some(here) => {
                f.write_str("engine ")?;
                if let Some(engine) = here.engine {
                    write!(f, "{engine} of ")?;
                }
                here.label.fmt(f)?;
            }
            None if self.is_nodes => {
                f.write_str("a destructor of an engine's thread-local value")?
            }
            None => match self.started_by {
                Some(label) => write!(f, "a thread that an engine has started, {label},")?,
                None => f.write_str("code of an engine outside of a call")?,
            },
        }
        write!(f, " panicked at {}:{}: {}", self.file, self.line, self.text)
    }
}
