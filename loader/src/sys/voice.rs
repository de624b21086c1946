//! Standard output of a child process, kept for its report alone.

use rustix::stdio::{dup2_stdout, stderr};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// Gives standard output as a file; whatever a module prints from now on goes to standard error.
///
/// # Errors
/// The system's error.
pub fn set_aside() -> io::Result<File> {
    let voice = io::stdout().as_fd().try_clone_to_owned()?;
    dup2_stdout(stderr())?;
    Ok(File::from(voice))
}
