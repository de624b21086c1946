//! The calls of the system that no library wraps safely. All that is unsafe in this crate is here.

#![expect(unsafe_code, reason = "system calls that no library wraps")]

use rustix::io::Errno;
use rustix::thread::UnshareFlags;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The first descriptor after standard input, output and error.
const FIRST_OTHER: libc::c_uint = 3;

/// Has all descriptors but standard input, output and error closed when a program is started.
pub(crate) fn close_others_on_exec() -> Result<(), Errno> {
    let (first, last) = (FIRST_OTHER, libc::c_uint::MAX);
    // SAFETY: it takes three numbers and touches no memory. Descriptors stay open in this process; this module
    // guarantees that only the flag that a later exec obeys is set.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            last,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    checked(result)
}

/// Leaves namespaces. Only for a process of one thread.
pub(crate) fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    // SAFETY: callers are the launcher's processes, which have one thread and never ask for `FILES`: no descriptor that
    // somebody holds goes away.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Makes a mount, and all below it, unchangeable, without devices and without programs that change the user.
pub(crate) fn freeze(path: &Path) -> Result<(), Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::INVAL)?;
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let flags = libc::AT_RECURSIVE as libc::c_uint;
    // SAFETY: the path is a C string and the attributes are a value of the kernel's type, both of which outlive the call; the
    // size is that value's. Guaranteed here.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    checked(result)
}

fn checked(result: libc::c_long) -> Result<(), Errno> {
    match result {
        -1 => {
            let error = std::io::Error::last_os_error();
            Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
        }
        _ => Ok(()),
    }
}
