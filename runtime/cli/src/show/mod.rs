//! What people and programs see: data on stdout, talk on stderr.

pub(crate) mod building;
pub(crate) mod given;
pub(crate) mod impact;
pub(crate) mod library;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod upgrade;

use crate::failure::Failure;
use crate::output;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints data. A reader that has gone away, such as `head`, has what it wanted.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    if output::data(text) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Prints data as one JSON document.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Output(io::Error::other(error)))?;
    text.push('\n');
    data(&text)
}

/// Prints data as one JSON object on a line.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Result<(), Failure> {
    let mut text =
        serde_json::to_string(value).map_err(|error| Failure::Output(io::Error::other(error)))?;
    text.push('\n');
    data(&text)
}

/// Says something to whoever watches. If nobody does, nothing is lost.
pub(crate) fn talk(text: impl Display) {
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
