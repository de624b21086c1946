//! How a failure is shown: code, what, why, and the next step.

use super::shown::Shown;
use crate::failure::Failure;
use crate::failure::Reported;
use clap::Command;
use clap::builder::{BoolishValueParser, TypedValueParser};
use miette::MietteHandlerOpts;
use refit_abi::codes;
use refit_abi::host::Explain;
use rustix::termios::tcgetwinsize;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::sync::atomic::Ordering;

/// Columns to which a report is wrapped, where the terminal has as many.
const WIDTH: u16 = 100;

/// The flag that asks for JSON.
const JSON: &str = "--json";

/// The variable that does.
pub(crate) const JSON_VARIABLE: &str = "REFIT_JSON";

/// The command line is no command.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
struct NotParsed {
    reason: String,
}

impl Explain for NotParsed {
    fn code(&self) -> &str {
        codes::COMMAND_INVALID
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed("see the command's --help")
    }
}

impl Reported for NotParsed {}

/// Fewest columns to which it is wrapped: words stay whole.
const WIDTH_MIN: u16 = 40;

/// Sets the form of all reports. Colours and box characters are left out where the terminal has
/// none, and where `NO_COLOR` asks for it.
pub(crate) fn install() {
    // A node's stderr leads elsewhere once its log has begun: then the terminal of the start is asked.
    let at_start = columns();
    let hook = miette::set_hook(Box::new(move |_| {
        let columns = Some(columns()).filter(|it| *it > 0).unwrap_or(at_start);
        // A path is never broken in its middle; where no terminal is, no line is.
        let options = MietteHandlerOpts::new().terminal_links(false);
        let options = options.break_words(false).wrap_lines(columns > 0);
        Box::new(options.width(width(columns).into()).build())
    }));
    // It can only have been set before, in which case reports are shown in that form.
    debug_assert!(hook.is_ok());
}

/// Reports to programs that the command line is no command. The parser has told people.
pub(crate) fn not_parsed(error: &clap::Error) {
    if error.use_stderr() && wants_json() {
        let reason = reason(&error.to_string());
        let _nobody_reads = super::data(&super::problem::line(&NotParsed { reason }.into()));
    }
}

/// Whether JSON is asked for by what could not be parsed, or by its environment.
fn wants_json() -> bool {
    let is_on = |value: &OsStr| {
        let parsed = BoolishValueParser::new().parse_ref(&Command::new(""), None, value);
        parsed.unwrap_or(false)
    };
    std::env::args_os().any(|argument| argument == OsStr::new(JSON))
        || std::env::var_os(JSON_VARIABLE).is_some_and(|value| is_on(&value))
}

/// What the parser says, without its usage and its hints: its first paragraph, which names what is missing.
fn reason(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

/// Shows a failure on stderr, and on stdout too where JSON was asked for.
pub(crate) fn failure(failure: Failure, json: bool) {
    // A caller that asked for a document gets one: a report that says why itself, such as that of an upgrade, is it.
    if json && !super::DOCUMENT.load(Ordering::Relaxed) {
        // If nobody reads it, stderr has it all the same.
        let _nobody_reads = super::data(&super::problem::line(&failure));
    }
    super::say(&format!("{:?}", miette::Report::new(Shown::of(failure))));
}

/// The columns of the terminal that stderr is; 0 if it is none, or it does not say.
fn columns() -> u16 {
    tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col)
}

/// To how many columns a report is wrapped on a terminal of so many; 0 if there is none, or it does not say.
fn width(columns: u16) -> u16 {
    match columns {
        0 => WIDTH,
        columns => columns.clamp(WIDTH_MIN, WIDTH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_stands_in_the_reason_and_what_is_usage_does_not() {
        let text = "error: these were not provided:\n  <ENGINE>\n  <JSON>\n\nUsage: refit send\n";
        assert_eq!(reason(text), "these were not provided: <ENGINE> <JSON>");
        assert_eq!(reason(""), "");
    }

    #[test]
    fn a_report_is_as_wide_as_its_terminal_within_reason() {
        assert_eq!([0, 8, 80, 300].map(width), [WIDTH, WIDTH_MIN, 80, WIDTH]);
    }
}
