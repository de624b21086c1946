//! [`Log`]: where the node's log is written.

use super::OUTPUT;
use super::prints::PRINTED;
use super::queue::WAITING_BYTES_MAX;
use std::io::{self, Write};
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// Text that engines print may take this part of the queue: the node's own lines have the rest.
const PRINTED_BYTES_MAX: usize = WAITING_BYTES_MAX / 2;

/// Makes a writer for each line.
#[derive(Debug)]
pub(crate) struct Log;

/// Takes one line.
#[derive(Debug)]
pub(crate) struct Line {
    is_printed: bool,
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { is_printed: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line {
            is_printed: meta.target() == PRINTED,
        }
    }
}

impl Write for Line {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match OUTPUT.get() {
            Some(output) if self.is_printed => output.stderr.push_within(text, PRINTED_BYTES_MAX),
            Some(output) => output.stderr.push(text),
            // Nobody is left to learn that it could not be written.
            None => drop(io::stderr().lock().write_all(text)),
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The time, in the form of the log.
pub(super) fn now() -> String {
    let mut text = String::new();
    // A clock that cannot be written leaves an empty time.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
