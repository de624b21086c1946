//! How a failure is shown: code, what, why, and the next step.

use crate::failure::Failure;
use miette::MietteHandlerOpts;
use rustix::termios::tcgetwinsize;
use std::io;

/// Columns to which a report is wrapped, where the terminal has as many.
const WIDTH: u16 = 100;

/// Fewest columns to which it is wrapped: words stay whole.
const WIDTH_MIN: u16 = 40;

/// Sets the form of all reports. Colours and box characters are left out where the terminal has
/// none, and where `NO_COLOR` asks for it.
pub(crate) fn install() {
    // A node's stderr leads elsewhere once its log has begun: then the terminal of the start is asked.
    let at_start = columns();
    let hook = miette::set_hook(Box::new(move |_| {
        let columns = Some(columns()).filter(|it| *it > 0).unwrap_or(at_start);
        let options = MietteHandlerOpts::new().terminal_links(false);
        Box::new(options.width(width(columns).into()).build())
    }));
    // It can only have been set before, in which case reports are shown in that form.
    debug_assert!(hook.is_ok());
}

/// Shows a failure on stderr.
pub(crate) fn failure(failure: Failure) {
    super::talk(format_args!("{:?}", miette::Report::new(failure)));
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
    fn a_report_is_as_wide_as_its_terminal_within_reason() {
        assert_eq!([0, 8, 80, 300].map(width), [WIDTH, WIDTH_MIN, 80, WIDTH]);
    }
}
