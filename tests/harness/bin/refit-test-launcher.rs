//! The launcher of the sandbox that the end-to-end tests build releases in.

use std::process::ExitCode;

fn main() -> ExitCode {
    refit_sandbox::child_main()
}
