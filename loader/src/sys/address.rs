//! Which mapped object an address belongs to.

use std::ffi::c_void;
use std::mem::{MaybeUninit, transmute};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The C library's answer about an object: glibc's `struct dl_find_object`, with room for more.
#[repr(C)]
struct Found {
    flags: u64,
    start: usize,
    end: usize,
    more: [u64; 32],
}

type Find = unsafe extern "C" fn(*mut c_void, *mut Found) -> libc::c_int;

/// Not looked for yet.
const UNKNOWN: usize = 0;

/// This C library does not have it: glibc has it from 2.35 on.
const MISSING: usize = 1;

/// The address of `_dl_find_object`.
static FIND: AtomicUsize = AtomicUsize::new(UNKNOWN);

fn find() -> usize {
    match FIND.load(Ordering::Relaxed) {
        UNKNOWN => {
            // SAFETY: the name is a C string.
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
            let found = (found as usize).max(MISSING);
            FIND.store(found, Ordering::Relaxed);
            found
        }
        found => found,
    }
}

/// The address where the object that holds `address` begins; `None` if no object holds it.
///
/// Allocates nothing and, once it was called, takes no lock where the C library has a function for that: so
/// an engine's thread does not wait for a module that is being loaded, and a signal handler may call it.
pub fn base_of(address: usize) -> Option<usize> {
    let find = find();
    let base = match (address, find) {
        (0, _) => return None,
        (_, MISSING) => base_by_dladdr(address)?,
        _ => {
            // SAFETY: the address of the C library's function of this name, which has this type.
            let find = unsafe { transmute::<usize, Find>(find) };
            let mut found = MaybeUninit::<Found>::zeroed();
            // SAFETY: it compares the address with what is mapped, and writes its struct, which is no longer
            // than ours: 96 or 104 bytes.
            let status = unsafe { find(address as *mut c_void, found.as_mut_ptr()) };
            if status != 0 {
                return None;
            }
            // SAFETY: zeroed, then written; all fields are numbers.
            unsafe { found.assume_init() }.start
        }
    };
    (base != 0).then_some(base)
}

/// As [`base_of`], of any C library; takes the dynamic linker's lock.
fn base_by_dladdr(address: usize) -> Option<usize> {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: dladdr only compares the address with what is mapped, and writes the whole struct when
    // it returns non-zero.
    let found = unsafe { libc::dladdr(address as *const c_void, info.as_mut_ptr()) } != 0;
    // SAFETY: written, as said.
    found.then(|| unsafe { info.assume_init() }.dli_fbase as usize)
}

/// The dynamic linker's record of an object: the public beginning of glibc's `struct link_map`.
#[repr(C)]
struct LinkMap {
    difference: usize,
    name: *const libc::c_char,
    /// Its dynamic table, which lies inside it.
    table: *mut c_void,
}

/// The address where the object of a handle begins; `None` if the dynamic linker does not say.
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
        let heap = Box::new(0_u64);
        assert_eq!(base_of(&raw const *heap as usize), None);
        for address in [
            base_of as *const () as usize,
            libc::abs as *const () as usize,
        ] {
            assert_eq!(base_of(address), base_by_dladdr(address));
        }
    }
}
