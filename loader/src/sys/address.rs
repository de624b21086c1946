//! Which mapped object an address belongs to.

use std::ffi::c_void;
use std::mem::MaybeUninit;

/// Where the object that holds `address` begins in memory; `None` if no object holds it.
///
/// Allocates nothing, so it may be called from an interposer.
pub fn base_of(address: usize) -> Option<usize> {
    if address == 0 {
        return None;
    }
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: dladdr only compares the address with what is mapped, and writes the whole struct when
    // it returns non-zero.
    let found = unsafe { libc::dladdr(address as *const c_void, info.as_mut_ptr()) } != 0;
    // SAFETY: written, as said.
    found
        .then(|| unsafe { info.assume_init() }.dli_fbase as usize)
        .filter(|base| *base != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_this_program_and_one_of_the_c_library_lie_in_different_objects() {
        let own = base_of(base_of as *const () as usize).unwrap();
        let foreign = base_of(libc::abs as *const () as usize).unwrap();
        assert_ne!(own, foreign);
        assert_eq!(base_of(8), None);
        assert_eq!(base_of(0), None);
    }
}
