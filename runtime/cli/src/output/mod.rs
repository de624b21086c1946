//! The words of a node's process: its log, its talk, and what its engines print.
//!
//! Nothing in a node fails or waits because its outputs are gone, full or not read. The node's log goes into a queue
//! of bounded length, from which a thread writes; a line that does not fit, or cannot be written, is left out and
//! counted. What engines print goes into pipes that are always read, and becomes lines of the log. The outputs
//! themselves come back when the process ends or another program takes its place ([`finish`]).
//!
//! Only `refit run` begins this. Every other command writes straight away.

mod log;
mod prints;
mod queue;

pub(crate) use log::Log;

use prints::Prints;
use queue::Queue;
use refit_loader::sys::outputs::Outputs;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Longest time at the end for what waits to be written.
pub(crate) const FINISH_WAIT_MAX: Duration = Duration::from_secs(2);

static OUTPUT: OnceLock<Output> = OnceLock::new();

/// The outputs of this process.
struct Output {
    outputs: Outputs,
    stdout: Arc<Queue>,
    stderr: Arc<Queue>,
    prints: Mutex<Option<Prints>>,
}

/// From now on, what this process says goes through queues.
///
/// # Errors
/// If the system gives no descriptor or no thread; then all is as before.
pub(crate) fn begin() -> io::Result<()> {
    let outputs = Outputs::keep()?;
    let stdout = Queue::begin("refit-stdout", outputs.stdout()?)?;
    let stderr = Queue::begin("refit-stderr", outputs.stderr()?)?;
    let output = Output {
        outputs,
        stdout,
        stderr,
        prints: Mutex::default(),
    };
    // A second one would be dropped, and its queues never be filled.
    let _ = OUTPUT.set(output);
    Ok(())
}

/// From now on, what engines print is a line of the log.
///
/// # Errors
/// As [`begin`], which comes first.
pub(crate) fn divert() -> io::Result<()> {
    let Some(output) = OUTPUT.get() else {
        return Ok(());
    };
    let prints = Prints::begin(output.outputs.divert()?)?;
    *output.prints.lock().unwrap_or_else(PoisonError::into_inner) = Some(prints);
    Ok(())
}

/// Has `count` called for lines that are left out, with their number.
pub(crate) fn on_dropped(count: impl Fn(u64) + Send + Sync + 'static) {
    if let Some(output) = OUTPUT.get() {
        output.stderr.on_dropped(Box::new(count));
    }
}

/// Says a text on standard error; false if this process does not go through queues.
pub(crate) fn talk(text: &str) -> bool {
    say(|output| &output.stderr, text)
}

/// Says a text on standard output; as [`talk`].
pub(crate) fn data(text: &str) -> bool {
    say(|output| &output.stdout, text)
}

fn say(queue: impl FnOnce(&Output) -> &Arc<Queue>, text: &str) -> bool {
    let output = OUTPUT.get();
    output
        .inspect(|output| queue(output).push(text.as_bytes()))
        .is_some()
}

/// Gives the outputs back and writes what waits, for at most [`FINISH_WAIT_MAX`]. To be called before the process
/// ends or becomes another program; it may still say something afterwards.
pub(crate) fn finish() {
    let Some(output) = OUTPUT.get() else {
        return;
    };
    let deadline = Instant::now() + FINISH_WAIT_MAX;
    let prints = output
        .prints
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    prints.iter().for_each(Prints::wake);
    // If it fails, they stay pipes that are read.
    let _ = output.outputs.restore();
    if let Some(prints) = prints {
        prints.finish(deadline);
    }
    output.stdout.flush(deadline);
    output.stderr.flush(deadline);
}
