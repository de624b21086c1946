//! The rehearsal of the end-to-end tests: runs the upgrade that it is given, and says what came of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    refit_node::rehearsal::child::child_main()
}
