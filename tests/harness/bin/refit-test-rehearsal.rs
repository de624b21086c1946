//! The rehearsal of the end-to-end tests: runs the upgrade that it is given, and reports the outcome.

use std::process::ExitCode;

fn main() -> ExitCode {
    refit_node::rehearsal::child::child_main()
}
