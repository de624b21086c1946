//! How a failure is shown: code, what, why, and the next step.

use crate::failure::Failure;
use miette::MietteHandlerOpts;

/// Columns to which a report is wrapped.
const WIDTH: usize = 100;

/// Sets the form of all reports. Colours and box characters are left out where the terminal has
/// none, and where `NO_COLOR` asks for it.
pub(crate) fn install() {
    let hook = miette::set_hook(Box::new(|_| {
        let options = MietteHandlerOpts::new().terminal_links(false).width(WIDTH);
        Box::new(options.build())
    }));
    // It can only have been set before, in which case reports are shown in that form.
    debug_assert!(hook.is_ok());
}

/// Shows a failure on stderr.
pub(crate) fn failure(failure: Failure) {
    super::talk(format_args!("{:?}", miette::Report::new(failure)));
}
