//! Files that the program before this one has left open in this process, for this one.

/// Has the file that is open under this number closed in whatever program comes next. False if none is open.
pub fn ends_with_this_program(number: i32) -> bool {
    // SAFETY: the call takes numbers alone, and changes no more than what an `exec` does to the file. One that is
    // not open is an error that changes nothing.
    unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
    use std::fs::File;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_file_that_was_left_open_is_not_left_open_again() {
        let left = File::open("/dev/null").unwrap();
        fcntl_setfd(&left, FdFlags::empty()).unwrap();
        assert!(ends_with_this_program(left.as_raw_fd()));
        assert_eq!(fcntl_getfd(&left).unwrap(), FdFlags::CLOEXEC);
        assert!(!ends_with_this_program(-1));
    }
}
