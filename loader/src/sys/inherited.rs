//! Files that the program before this one has left open in this process, for this one.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// The lowest number of a file that is no standard stream.
const FIRST_FREE: i32 = 3;

/// Has the file that is open under this number closed in whatever program comes next. False if none is open.
pub fn ends_with_this_program(number: i32) -> bool {
    // SAFETY: the call takes numbers alone, and changes no more than what an `exec` does to the file. One that is
    // not open is an error that changes nothing.
    unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) == 0 }
}

/// Has the file that is open under this number stay open in whatever program comes next. False if none is open.
pub fn goes_along(number: i32) -> bool {
    // SAFETY: the call takes numbers alone, and changes no more than what an `exec` does to the file. One that is
    // not open is an error that changes nothing.
    unsafe { libc::fcntl(number, libc::F_SETFD, 0) == 0 }
}

/// The file that is open under this number, under another one: both are closed in whatever program comes next.
///
/// # Errors
/// The system's error: none is open there, or there is no room for another.
pub fn take(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers alone, and opens what is open there once more; it changes nothing if none is.
    let taken = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, FIRST_FREE) };
    if taken < 0 || !ends_with_this_program(number) {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just made the number for this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(taken) })
}

/// Closes the file that is open under this number: one that the program before has left, and that nothing in this one owns.
pub fn close(number: i32) {
    // SAFETY: the call takes a number alone. Nothing in this program owns what is open there: it is the caller's to know.
    unsafe { libc::close(number) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, AsRawFd, IntoRawFd};

    #[test]
    fn a_file_that_was_left_open_is_left_open_again_only_where_that_is_said() {
        let left = File::open("/dev/null").unwrap();
        fcntl_setfd(&left, FdFlags::empty()).unwrap();
        assert!(ends_with_this_program(left.as_raw_fd()));
        assert_eq!(fcntl_getfd(&left).unwrap(), FdFlags::CLOEXEC);
        assert!(!ends_with_this_program(-1));
        assert!(goes_along(left.as_raw_fd()));
        assert_eq!(fcntl_getfd(&left).unwrap(), FdFlags::empty());
        assert!(!goes_along(-1));
    }

    #[test]
    fn a_file_that_was_left_open_is_taken_and_nobody_else_gets_it() {
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        fcntl_setfd(&theirs, FdFlags::empty()).unwrap();
        let mut taken = File::from(take(theirs.as_raw_fd()).unwrap());
        for file in [taken.as_fd(), theirs.as_fd()] {
            assert_eq!(fcntl_getfd(file).unwrap(), FdFlags::CLOEXEC);
        }
        // Its first number may go: it was left by nobody that is here still.
        close(theirs.into_raw_fd());
        taken.write_all(b"it is the same").unwrap();
        let mut heard = [0; 14];
        ours.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"it is the same");
        assert!(take(-1).is_err());
    }
}
