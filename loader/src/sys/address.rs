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

/// What the dynamic linker knows of an object: the public beginning of glibc's `struct link_map`.
#[repr(C)]
struct LinkMap {
    difference: usize,
    name: *const libc::c_char,
    /// Its dynamic table, which lies inside it.
    table: *mut c_void,
}

/// Where the object of a handle begins in memory; `None` if the dynamic linker does not say.
///
/// # Safety
/// The handle is `dlopen`'s, and open.
pub unsafe fn base_of_handle(handle: *mut c_void) -> Option<usize> {
    let mut map = std::ptr::null_mut::<LinkMap>();
    // SAFETY: an open handle (caller), and a place for the pointer that this request writes.
    let asked = unsafe { libc::dlinfo(handle, libc::RTLD_DI_LINKMAP, (&raw mut map).cast()) };
    if asked != 0 {
        return None;
    }
    // SAFETY: null, or the dynamic linker's own record of an open handle, which stays while it is open.
    let map = unsafe { map.as_ref() }?;
    base_of(map.table as usize)
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
