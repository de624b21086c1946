//! The launcher of a sandbox as a program of its own, for tests and tools that build without the node. The node uses its own
//! program with a hidden command instead.

use std::process::ExitCode;

fn main() -> ExitCode {
    refit_sandbox::child_main()
}
