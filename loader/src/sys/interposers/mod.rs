//! Stand-ins for functions of the C library by which a library leaves something behind in the process:
//! threads, thread-local keys, signal handlers; and for those by which it ends the process or puts
//! another program in its place.
//!
//! They do what the C library's do, and note which library asked. An engine binds to them because
//! the executable comes before the C library in the dynamic linker's search order, if the executable
//! exports them. A program gets that from its build script, which includes the list of them:
//!
//! ```text
//! const SYMBOLS: &[&str] = &include!("../loader/interposed.in");
//! for symbol in SYMBOLS {
//!     println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol={symbol}");
//! }
//! ```
//!
//! A program that lacks them would work for about a thousand generations and then abort, so
//! [`in_force`] is checked before anything is loaded.

mod caller;
pub mod ends;
pub mod handlers;
pub mod making_keys;
pub mod making_threads;
pub mod masks;
pub mod programs;

use super::{address, crash};
pub(super) use handlers::{handler as installed, is_ignored, set as set_action};
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::ffi::CStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The names of all stand-ins.
pub const SYMBOLS: &[&str] = &include!("../../../interposed.in");

/// The function of the next object in the search order: the C library's.
struct Next {
    name: &'static CStr,
    address: AtomicUsize,
    /// Whether there are C libraries without it that the loader works with.
    may_be_missing: bool,
}

impl Next {
    const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            address: AtomicUsize::new(0),
            may_be_missing: false,
        }
    }

    const fn newer(name: &'static CStr) -> Self {
        Self {
            may_be_missing: true,
            ..Self::new(name)
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

/// The library that holds this address, if that is not the program itself.
pub(super) fn library_at(address: usize) -> Option<usize> {
    address::base_of(address).filter(|base| *base != program())
}

/// The address where this program begins in memory.
pub fn program() -> usize {
    static BASE: AtomicUsize = AtomicUsize::new(0);
    match BASE.load(Ordering::Relaxed) {
        0 => {
            let base = address::base_of(program as *const () as usize).unwrap_or(0);
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

impl Explain for NotInForce {
    fn code(&self) -> &str {
        codes::INTERPOSERS_MISSING
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(
            "add the --export-dynamic-symbol lines of refit_loader::sys::interposers to the program's build.rs",
        )
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

/// A function of ours that is bound in the place of the C library's.
struct StandIn {
    /// The function that it stands in for.
    next: &'static Next,
    /// Where it lies itself.
    own: usize,
}

impl StandIn {
    fn new(next: &'static Next, own: *const ()) -> Self {
        let own = own as usize;
        Self { next, own }
    }
}

fn all() -> impl Iterator<Item = StandIn> {
    making_threads::stand_ins()
        .into_iter()
        .chain(making_keys::stand_ins())
        .chain(handlers::stand_ins())
        .chain(ends::stand_ins())
        .chain(masks::stand_ins())
        .chain(programs::stand_ins())
}

fn look() -> Result<(), NotInForce> {
    // Before any engine's code can fork.
    crash::at_home();
    for StandIn { next, own } in all() {
        // SAFETY: the name is a C string; RTLD_DEFAULT searches as a library's binding would.
        let bound = unsafe { libc::dlsym(libc::RTLD_DEFAULT, next.name.as_ptr()) } as usize;
        if bound != own || (next.address() == 0 && !next.may_be_missing) {
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
    fn each_one_that_is_exported_is_looked_at() {
        let names = all().map(|one| one.next.name.to_str().unwrap());
        let mut looked: Vec<_> = names.collect();
        looked.sort_unstable();
        assert_eq!(looked, SYMBOLS);
    }
}
