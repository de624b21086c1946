//! [`Library`]: one mapped file, and the only calls of `dlopen` and `dlclose` in a node.
//!
//! A library is never closed by being dropped: what may still run in it is not known then. It is
//! closed by [`Library::close`] alone, after its threads are gone, on a thread that ends before the
//! caller goes on. Its file stays open until the system lists no mapping of it any more.

use crate::artifact::ArtifactId;
use crate::header::whole;
use crate::retire::PinReason;
use crate::stage::StagedArtifact;
use crate::sys::keys::Condemned;
use crate::sys::{address, crash, keys, maps, signals, threads};
use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use refit_abi::host::running::Label;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether to wait for threads that are just ending.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// As long as the system may still list a thread that ended.
    Grace,
    /// Not at all: it will be tried again.
    None,
}

/// One mapped file. Dropping it before it is closed leaves it mapped for the life of the process.
#[derive(Debug)]
pub(crate) struct Library {
    name: String,
    id: ArtifactId,
    mapped_name: String,
    /// The address where it begins; what it made is known by this. `None` if the dynamic linker did not say.
    base: Option<usize>,
    held: Mutex<Handles>,
}

/// The handles that keep it mapped. Both are `None` when it is gone.
#[derive(Debug)]
struct Handles {
    /// `None` once `dlclose` succeeded.
    handle: Option<ManuallyDrop<Handle>>,
    /// `None` once no mapping is left.
    staged: Option<ManuallyDrop<StagedArtifact>>,
    /// Its keys, whose numbers stay in use until it is gone.
    keys: Condemned,
}

/// The remains of a library that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Thread-local keys that were taken back from it.
    pub(crate) keys: usize,
    /// Bytes of its file that something in this process has mapped to read: a backtrace does. No code is
    /// among them, and they stay.
    pub(crate) viewed_bytes: usize,
}

impl Library {
    /// Maps a staged module, which runs its constructors on this thread.
    ///
    /// # Safety
    /// Its constructors do no harm: a probe saw them run, or this process ends soon. This thread ends
    /// before `close`.
    pub(crate) unsafe fn map(staged: StagedArtifact) -> Result<Self, String> {
        // SAFETY: the probe ran the constructors of these sealed bytes, or the child of a node ends after
        // it ran them (`map`'s rule, which `load::enter` and `child` say how they keep).
        let handle = unsafe { Handle::open(Some(staged.path()), RTLD_NOW | RTLD_LOCAL) };
        let raw = handle.map_err(|error| whole(&error))?.into_raw();
        // SAFETY: the handle that `dlopen` gave just now.
        let base = unsafe { address::base_of_handle(raw) };
        // SAFETY: the same handle, used from here on by its new owner alone.
        let handle = ManuallyDrop::new(unsafe { Handle::from_raw(raw) });
        Ok(Self {
            name: staged.name().to_owned(),
            id: staged.id(),
            mapped_name: staged.mapped_name(),
            base,
            held: Mutex::new(Handles {
                handle: Some(handle),
                staged: Some(ManuallyDrop::new(staged)),
                keys: Condemned::default(),
            }),
        })
    }

    /// Has a crash in its code reported by this name, as long as it is mapped.
    pub(crate) fn is_called(&self, label: &'static Label) {
        if let Some(base) = self.base {
            crash::named(base, label);
        }
    }

    /// Proves by an address inside it that this is the staged file: the dynamic linker may have given
    /// another one that it took for the same.
    pub(crate) fn locate(&self, inside: usize) -> Result<(), String> {
        let lies_in_it = self
            .mappings()?
            .iter()
            .any(|mapping| mapping.contains(inside));
        let base = address::base_of(inside).filter(|_| lies_in_it);
        if base.is_some() && base == self.base {
            Ok(())
        } else {
            Err(format!("its root lies outside {}", self.name))
        }
    }

    /// Whether these functions all lie in this library's executable memory.
    pub(crate) fn runs(&self, functions: &[usize]) -> Result<bool, String> {
        let mut mappings = self.mappings()?;
        mappings.retain(|mapping| mapping.executable);
        let inside = |function: &usize| mappings.iter().any(|mapping| mapping.contains(*function));
        Ok(functions.iter().all(inside))
    }

    /// Has all its pages in the process's tables before a pause runs its code for the first time.
    pub(crate) fn is_at_hand(&self) {
        // It runs without that too.
        for mapping in self.mappings().unwrap_or_default() {
            mapping.populate();
        }
    }

    /// Its mappings, by its file's name.
    pub(crate) fn mappings(&self) -> Result<Vec<maps::Mapping>, String> {
        maps::of(&self.mapped_name).map_err(|error| error.to_string())
    }

    /// Does something with the dynamic linker's handle; `None` after `close`.
    pub(crate) fn with_handle<T>(&self, work: impl FnOnce(&Handle) -> T) -> Option<T> {
        self.held().handle.as_deref().map(work)
    }

    /// The path under which a child of this process reads the staged file; `None` after `close`.
    pub(crate) fn path_for_child(&self) -> Option<PathBuf> {
        let held = self.held();
        held.staged.as_ref().map(|staged| staged.path_for_child())
    }

    /// The address where it begins, if the dynamic linker said so.
    pub(crate) fn base(&self) -> Option<usize> {
        self.base
    }

    /// The staged file's unique name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The staged file's id.
    pub(crate) fn id(&self) -> ArtifactId {
        self.id
    }

    fn held(&self) -> MutexGuard<'_, Handles> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes and unmaps it, and proves that it is gone. Tried again after a failure, it goes on from where
    /// it was. `patience` is for threads of its own that are just ending.
    ///
    /// # Errors
    /// Why it is still mapped.
    ///
    /// # Safety
    /// Nothing outside holds a pointer into it: no handle, and no code that runs in it but its own threads'.
    /// This thread ends before the caller goes on.
    pub(crate) unsafe fn close(&self, patience: Patience) -> Result<Gone, PinReason> {
        let mut held = self.held();
        // The library's threads and keys are found by this address: without it nothing proves that its code is unused.
        let base = self.base.ok_or_else(|| PinReason::Unknown {
            reason: "the dynamic linker did not say where it lies".to_owned(),
        })?;
        // Closed once: what is tried again after that is only whether its memory has gone.
        if held.handle.is_some() {
            self.may_go(base, patience)?;
            held.keys.extend(keys::condemn(base));
            if held.keys.is_running() {
                return Err(PinReason::Ending);
            }
            // SAFETY: nothing outside holds a pointer into it (caller); `may_go` saw a moment in which no
            // thread of its own lived and no handler of it was installed or known, and nothing can start one
            // since no code of it runs; no thread's end calls a destructor of it, which were taken away.
            unsafe { shut(&mut held.handle) }?;
        }
        self.gone(&mut held, base)
    }

    /// Whether nothing that the library left in the process would run its code.
    fn may_go(&self, base: usize, patience: Patience) -> Result<(), PinReason> {
        let living = match patience {
            Patience::Grace => threads::living_after_grace(base),
            Patience::None => threads::living(base),
        };
        if !living.is_empty() {
            return Err(PinReason::Threads(living));
        }
        let unknown = |reason| PinReason::Unknown { reason };
        let mappings = self.mappings().map_err(unknown)?;
        let is_inside = |address| mappings.iter().any(|mapping| mapping.contains(address));
        let signals = signals::handled(is_inside);
        if !signals.is_empty() {
            return Err(PinReason::SignalHandlers { signals });
        }
        // Somebody is setting a handler now: whether it is one of ours is known when that is done.
        if signals::is_changing() {
            return Err(PinReason::HandlersChange);
        }
        match signals::known_to_others(base) {
            Some(signal) => Err(PinReason::HandlerKnown { signal }),
            None => Ok(()),
        }
    }

    /// Looks whether a closed library is gone, and gives back what it kept.
    fn gone(&self, held: &mut Handles, base: usize) -> Result<Gone, PinReason> {
        let left = self
            .mappings()
            .map_err(|reason| PinReason::Unknown { reason })?;
        // A mapping may be left although nothing is loaded: a backtrace maps the file to read it.
        let is_loaded = left.iter().any(|mapping| mapping.contains(base))
            && address::base_of(base) == Some(base);
        if is_loaded || left.iter().any(|mapping| mapping.executable) {
            // A thread that ends may run it, and may have made more.
            held.keys.extend(keys::condemn(base));
            return Err(PinReason::StillMapped {
                mappings: left.len(),
            });
        }
        // Before the file is given back: other code may come to the same address.
        crash::gone(base);
        if let Some(staged) = held.staged.take() {
            drop(ManuallyDrop::into_inner(staged));
        }
        Ok(Gone {
            keys: keys::delete(std::mem::take(&mut held.keys)),
            viewed_bytes: left.iter().map(|mapping| mapping.end - mapping.start).sum(),
        })
    }
}

/// Closes the handle, and takes it. If the dynamic linker refuses, the handle stays.
///
/// # Safety
/// Nothing in this process will run code of the library again, but what runs as it is closed: its
/// destructors, and what it gave to `atexit`.
unsafe fn shut(handle: &mut Option<ManuallyDrop<Handle>>) -> Result<(), PinReason> {
    let Some(open) = handle.take() else {
        return Ok(());
    };
    let raw = ManuallyDrop::into_inner(open).into_raw();
    // SAFETY: the handle that `dlopen` gave, which is used no more after success.
    if unsafe { libc::dlclose(raw) } == 0 {
        return Ok(());
    }
    // SAFETY: the handle is still open, and is `dlopen`'s.
    *handle = Some(ManuallyDrop::new(unsafe { Handle::from_raw(raw) }));
    Err(PinReason::Unknown {
        reason: "dlclose refused".to_owned(),
    })
}
