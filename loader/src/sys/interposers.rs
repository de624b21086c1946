//! Stand-ins for `pthread_create`, `pthread_key_create` and `pthread_key_delete`.
//!
//! They do what the C library's do, and note which library asked. An engine binds to them because
//! the executable comes before the C library in the dynamic linker's search order, if the executable
//! exports them. A program gets that from its build script:
//!
//! ```text
//! for symbol in ["pthread_key_create", "pthread_key_delete", "pthread_create"] {
//!     println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol={symbol}");
//! }
//! ```
//!
//! A program that lacks them would work for about a thousand generations and then abort, so
//! [`in_force`] is checked before anything is loaded.

use super::threads::Slot;
use super::{address, keys, threads};
use libc::{c_int, c_void, pthread_attr_t, pthread_key_t, pthread_t};
use std::ffi::CStr;
use std::mem::transmute;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

type Destructor = unsafe extern "C" fn(*mut c_void);
type Routine = extern "C" fn(*mut c_void) -> *mut c_void;
type KeyCreate = unsafe extern "C" fn(*mut pthread_key_t, Option<Destructor>) -> c_int;
type KeyDelete = unsafe extern "C" fn(pthread_key_t) -> c_int;
type Create =
    unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, Routine, *mut c_void) -> c_int;

/// The function of the next object in the search order: the C library's.
struct Next {
    name: &'static CStr,
    address: AtomicUsize,
}

impl Next {
    const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            address: AtomicUsize::new(0),
        }
    }

    /// Its address; 0 if there is none. Allocates nothing once it was found.
    fn address(&self) -> usize {
        match self.address.load(Ordering::Relaxed) {
            0 => self.find(),
            found => found,
        }
    }

    #[cold]
    fn find(&self) -> usize {
        // SAFETY: the name is a C string, and RTLD_NEXT is allowed in any object.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) } as usize;
        self.address.store(found, Ordering::Relaxed);
        found
    }
}

static KEY_CREATE: Next = Next::new(c"pthread_key_create");
static KEY_DELETE: Next = Next::new(c"pthread_key_delete");
static CREATE: Next = Next::new(c"pthread_create");

/// Makes a key and notes the object that holds its destructor.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_create(
    key: *mut pthread_key_t,
    destructor: Option<Destructor>,
) -> c_int {
    let next = KEY_CREATE.address();
    if next == 0 {
        return libc::EAGAIN;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, KeyCreate>(next) };
    // SAFETY: the caller's duty is that of the real function.
    let status = unsafe { real(key, destructor) };
    if status == 0 {
        let owner = destructor.and_then(|destructor| address::base_of(destructor as usize));
        // SAFETY: the real function succeeded, so it wrote the key.
        keys::created(unsafe { *key }, owner.unwrap_or(0));
    }
    status
}

/// Deletes a key, after forgetting whose it was.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_delete(key: pthread_key_t) -> c_int {
    keys::deleted(key);
    let next = KEY_DELETE.address();
    if next == 0 {
        return libc::EINVAL;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, KeyDelete>(next) };
    // SAFETY: the caller's duty is that of the real function.
    unsafe { real(key) }
}

/// Makes a thread, and remembers it if its routine is in a library.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    let next = CREATE.address();
    if next == 0 {
        return libc::EAGAIN;
    }
    // SAFETY: the address of the C library's function of this name, which has this type.
    let real = unsafe { transmute::<usize, Create>(next) };
    let owner = address::base_of(routine as usize).filter(|owner| *owner != own_base());
    let slot = owner.and_then(|owner| threads::enter(owner, routine as usize, argument as usize));
    let Some(slot) = slot else {
        // SAFETY: the caller's duty is that of the real function.
        return unsafe { real(thread, attributes, routine, argument) };
    };
    let slot_pointer = std::ptr::from_ref(slot).cast_mut().cast();
    // SAFETY: as above; `run` takes the slot, which is static.
    let status = unsafe { real(thread, attributes, run, slot_pointer) };
    if status != 0 {
        slot.free();
    }
    status
}

/// First code of a remembered thread: notes its id, then runs what it was made for.
extern "C" fn run(slot: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` above passes a pointer to a static slot.
    let slot = unsafe { &*slot.cast::<Slot>() };
    let argument = slot.argument.load(Ordering::Acquire) as *mut c_void;
    let routine = slot.routine.load(Ordering::Relaxed);
    slot.runs();
    // SAFETY: `pthread_create` above stored the address of a `Routine`, whose library stays mapped
    // while this slot is taken.
    let routine = unsafe { transmute::<usize, Routine>(routine) };
    routine(argument)
}

/// Where this program begins in memory: its own threads need not be remembered.
fn own_base() -> usize {
    static BASE: AtomicUsize = AtomicUsize::new(0);
    match BASE.load(Ordering::Relaxed) {
        0 => {
            let base = address::base_of(own_base as *const () as usize).unwrap_or(0);
            BASE.store(base, Ordering::Relaxed);
            base
        }
        base => base,
    }
}

/// The interposers are not in force: a node must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this program does not export the loader's `{symbol}`: engines would leak keys and threads"
)]
pub struct NotInForce {
    /// The first symbol that engines would not find in the program.
    pub symbol: String,
}

impl NotInForce {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        "interposers-missing"
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        "add the three --export-dynamic-symbol lines of refit_loader::sys::interposers to the program's build.rs"
    }
}

/// Checks that a library loaded now would bind to the interposers. Looks once and remembers.
///
/// # Errors
/// [`NotInForce`] names the first one that it would not bind to.
pub fn in_force() -> Result<(), NotInForce> {
    static LOOKED: OnceLock<Result<(), NotInForce>> = OnceLock::new();
    LOOKED.get_or_init(look).clone()
}

fn look() -> Result<(), NotInForce> {
    let pairs = [
        (&KEY_CREATE, pthread_key_create as *const () as usize),
        (&KEY_DELETE, pthread_key_delete as *const () as usize),
        (&CREATE, pthread_create as *const () as usize),
    ];
    for (next, own) in pairs {
        // SAFETY: the name is a C string; RTLD_DEFAULT searches as a library's binding would.
        let bound = unsafe { libc::dlsym(libc::RTLD_DEFAULT, next.name.as_ptr()) } as usize;
        if bound != own || next.address() == 0 {
            return Err(NotInForce {
                symbol: next.name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_in_force_in_a_program_that_exports_them() {
        assert_eq!(in_force(), Ok(()));
    }

    #[test]
    fn a_key_is_known_by_its_destructor_until_it_is_deleted() {
        unsafe extern "C" fn destructor(_: *mut c_void) {}
        let own = own_base();
        let mut key = 0;
        // SAFETY: a key with a destructor of this program, deleted below.
        let made = unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) };
        assert_eq!(made, 0);
        assert!(keys::of(own).contains(&key));
        // SAFETY: made above.
        let deleted = unsafe { libc::pthread_key_delete(key) };
        assert_eq!(deleted, 0);
        assert!(!keys::of(own).contains(&key));
    }
}
