//! The output for people and programs: data on stdout, messages on stderr.

pub(crate) mod building;
pub(crate) mod doctor;
pub(crate) mod given;
pub(crate) mod impact;
pub(crate) mod imported;
pub(crate) mod keyset;
pub(crate) mod library;
pub(crate) mod manifest;
pub(crate) mod migrated;
pub(crate) mod plan;
mod problem;
pub(crate) mod release;
pub(crate) mod release_diff;
pub(crate) mod report;
pub(crate) mod roll_back;
pub(crate) mod safe;
mod shown;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod upgrade;
pub(crate) mod verified;

use crate::failure::Failure;
use crate::output;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Prints data. A reader that has gone away, such as `head`, has what it wanted.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    flow(text).map(drop)
}

/// Prints some of what goes on and on; says whether somebody still reads it.
pub(crate) fn flow(text: &str) -> Result<bool, Failure> {
    if output::data(text) {
        return Ok(true);
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::output(error)),
    }
}

/// Whether the one JSON document of this command has been printed.
static DOCUMENT: AtomicBool = AtomicBool::new(false);

/// Prints data as one JSON document.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::output(io::Error::other(error)))?;
    text.push('\n');
    DOCUMENT.store(true, Ordering::Relaxed);
    data(&text)
}

/// Prints data as one JSON object on a line.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Result<(), Failure> {
    flow_json(value).map(drop)
}

/// Prints some of what goes on and on, as one JSON object on a line; says whether somebody still reads it.
pub(crate) fn flow_json<T: Serialize>(value: &T) -> Result<bool, Failure> {
    let mut text =
        serde_json::to_string(value).map_err(|error| Failure::output(io::Error::other(error)))?;
    text.push('\n');
    flow(&text)
}

/// Prints a message for people on stderr. If nobody reads it, nothing is lost.
pub(crate) fn talk(text: impl Display) {
    say(&safe::lines(&text.to_string()));
}

/// Prints a text for people that may have colours of its own.
fn say(text: &str) {
    let line = format!("{text}\n");
    if !output::talk(&line) {
        let _nobody_reads = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Names the likely next command, for the node that this one was for.
pub(crate) fn next(command: impl Display) {
    let command = command.to_string();
    talk(format_args!("next: {}", given::with_given(&command)));
}
