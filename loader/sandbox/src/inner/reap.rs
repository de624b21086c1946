//! Waits for the command, and takes note of all others that end meanwhile: the first process of a room is everybody's last
//! parent.

use rustix::io::Errno;
use rustix::process::{WaitOptions, wait};

/// How the command ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

impl Ended {
    pub(crate) fn succeeded(self) -> bool {
        self.code == Some(0)
    }
}

/// Waits until the child with this id has ended, whoever still runs.
pub(crate) fn until(id: u32) -> Result<Ended, Errno> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get().unsigned_abs() == id => {
                return Ok(Ended {
                    code: status.exit_status(),
                    signal: status.terminating_signal(),
                });
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}
