//! The launcher as a program of its own: it takes its order from the socket that is its standard input.
//!
//! The node uses its own program with a hidden command instead; this one serves tests and tools that build without the node.

use std::process::ExitCode;

fn main() -> ExitCode {
    refit_sandbox::child_main()
}
