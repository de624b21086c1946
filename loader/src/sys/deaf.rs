//! [`to_ends`]: a process that a supervisor's word to end does not reach.

use std::io;

/// The signals by which a process is asked to end.
const ENDS: [libc::c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

/// From now on the process is not ended by being asked to; what it starts does not hear it either.
///
/// # Errors
/// The system's error.
pub fn to_ends() -> io::Result<()> {
    for signal in ENDS {
        // SAFETY: no code is installed that could run at a bad moment: the signal is ignored.
        if unsafe { libc::signal(signal, libc::SIG_IGN) } == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
