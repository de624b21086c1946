//! Files in memory: sealed ones, whose bytes nobody can change any more, not even this process, and plain ones.

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// The seals of a staged module.
const SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// Makes a file in memory called `name` with these bytes, and seals it.
///
/// # Errors
/// The system's error: it may refuse files in memory that can be executed (`vm.memfd_noexec`).
pub fn sealed(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(create(name)?);
    file.write_all(bytes)?;
    fcntl_add_seals(&file, SEALS)?;
    if !fcntl_get_seals(&file)?.contains(SEALS) {
        return Err(io::Error::other("the system did not keep the seals"));
    }
    Ok(file.into())
}

/// Makes a file in memory called `name` with these bytes, which is no module: nobody may execute it.
///
/// # Errors
/// The system's error.
pub fn kept(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC;
    // Systems before Linux 6.3 do not know the question.
    let made = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        made => made,
    };
    let mut file = File::from(made?);
    file.write_all(bytes)?;
    Ok(file.into())
}

/// Asks for a file that may be executed; systems before Linux 6.3 do not know the question.
fn create(name: &str) -> Result<OwnedFd, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(name, flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_file_that_is_kept_has_its_bytes_and_is_no_program() {
        let file = File::from(kept("refit-test", b"abc").unwrap());
        let mut bytes = [0; 3];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"abc");
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
        assert!(std::process::Command::new(path).spawn().is_err());
    }

    #[test]
    fn a_sealed_file_can_be_read_and_not_changed() {
        let file = File::from(sealed("refit-test", b"abc").unwrap());
        let mut bytes = [0; 3];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"abc");
        assert!(file.write_all_at(b"x", 0).is_err());
        assert!(file.set_len(0).is_err());
        assert!(file.set_len(9).is_err());
    }
}
