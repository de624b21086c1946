//! The child of the end-to-end tests that starts on a copy of a store: it tries a roll-back, or finds an engine's last good
//! state.

use refit_loader::ProbeCommand;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (Some(folder), Ok(this)) = (std::env::args_os().nth(1), std::env::current_exe()) else {
        return ExitCode::FAILURE;
    };
    let probe = ProbeCommand::new(this.with_file_name("refit-test-probe"));
    refit_node::trial_main(&PathBuf::from(folder), probe)
}
