//! Lines of engines in the node's log: what they write there, and their panics.
//!
//! Their texts are escaped and bounded where they come in ([`refit_abi::host::shown`]).

use refit_abi::Level;
use refit_abi::host::panics::{self, EnginePanic};
use refit_abi::host::running::Here;
use refit_abi::host::shown;
use refit_kernel::LogLine;
use refit_loader::sys::maps;

/// Most lines of a backtrace that are logged.
const BACKTRACE_LINES_MAX: usize = 256;

/// Longest line of a backtrace that is logged, in bytes.
const BACKTRACE_LINE_BYTES_MAX: usize = 1_024;

/// Writes what an engine logged.
pub(crate) fn log(line: &LogLine) {
    let (engine, text) = (line.engine, line.line.as_str());
    match line.level {
        Level::Error => tracing::error!(%engine, "{text}"),
        Level::Warn => tracing::warn!(%engine, "{text}"),
        Level::Info => tracing::info!(%engine, "{text}"),
        Level::Debug => tracing::debug!(%engine, "{text}"),
    }
}

/// From now on, panics of engines in this process are lines of the log.
pub(crate) fn listen() {
    panics::listen(panicked);
}

fn panicked(panic: &EnginePanic) {
    let EnginePanic {
        text, file, line, ..
    } = panic;
    match &panic.here {
        Some(here) => of_call(
            here,
            format_args!("the engine panicked at {file}:{line}: {text}"),
        ),
        None => outside_of_a_call(panic),
    }
    if let Some(backtrace) = &panic.backtrace {
        let text = backtrace.to_string();
        for line in of_engine(&text).take(BACKTRACE_LINES_MAX) {
            tracing::error!("backtrace: {}", shown(line, BACKTRACE_LINE_BYTES_MAX));
        }
    }
}

/// A panic where no call of the node runs: as a thread of the node ends, or on one that an engine has started.
fn outside_of_a_call(panic: &EnginePanic) {
    let EnginePanic {
        text, file, line, ..
    } = panic;
    let thread = std::thread::current();
    let thread = thread.name();
    let library = maps::library_at(panic.address);
    match (panic.is_nodes, panic.started_by) {
        (true, _) => tracing::error!(
            library,
            thread,
            "a destructor of a thread-local value of an engine panicked at {file}:{line}, as the thread ended: \
             {text}; the process ends, because nothing can catch that"
        ),
        (false, Some(label)) => {
            let (kind, package, version) = (label.kind(), label.package(), label.version());
            tracing::error!(
                kind,
                package,
                version,
                thread,
                "a thread that an engine has started panicked at {file}:{line}: {text}"
            );
        }
        (false, None) => tracing::error!(
            library,
            thread,
            "code of an engine panicked at {file}:{line}, outside of a call: {text}"
        ),
    }
}

/// The lines of a backtrace from the panic to the call of the node.
fn of_engine(backtrace: &str) -> impl Iterator<Item = &str> {
    let lines = backtrace.lines();
    let after = lines
        .skip_while(|line| !line.contains("rust_begin_unwind"))
        .skip(1);
    after.take_while(|line| !line.contains("refit_abi::host::"))
}

fn of_call(here: &Here, what: std::fmt::Arguments<'_>) {
    let Here { label, call, .. } = here;
    let (kind, package, version) = (label.kind(), label.package(), label.version());
    let engine = here.engine.map(tracing::field::display);
    match here.message {
        Some(message) => tracing::error!(
            engine, kind, package, version, %call, sender = ?message.sender, sequence = message.sequence, "{what}"
        ),
        None => tracing::error!(engine, kind, package, version, %call, "{what}"),
    }
}
