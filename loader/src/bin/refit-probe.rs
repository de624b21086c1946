//! The probe as a program of its own: `refit-probe FILE` prints one line of JSON about the module.
//!
//! The node uses its own program with a hidden command instead; this one serves tests and tools
//! that use the loader without the node.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(path) => refit_loader::probe::child::child_main(Path::new(&path)),
        None => {
            eprintln!("usage: refit-probe FILE");
            ExitCode::from(2)
        }
    }
}
