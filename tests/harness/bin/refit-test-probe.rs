//! The probe of the end-to-end tests: prints what it finds out about the module it is given.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(path) => refit_loader::probe::child::child_main(Path::new(&path)),
        None => ExitCode::from(2),
    }
}
