//! [`Library`]: one mapped file, and the only calls of `dlopen` and `dlclose` in a node.
//!
//! A library is never closed by being dropped: what may still run in it is not known then. It is
//! closed by [`Library::close`] alone, after its threads are gone, on a thread that ends before the
//! caller goes on. Its file stays open until the system lists no mapping of it any more.

use crate::artifact::ArtifactId;
use crate::header::whole;
use crate::retire::PinReason;
use crate::stage::StagedArtifact;
use crate::sys::{address, keys, maps, threads};
use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
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
    /// Where it begins in memory; what it made is known by this. 0 until it was located.
    base: usize,
    held: Mutex<Held>,
}

/// What keeps it mapped. Both are `None` when it is gone.
#[derive(Debug)]
struct Held {
    /// `None` once `dlclose` succeeded.
    handle: Option<ManuallyDrop<Handle>>,
    /// `None` once no mapping is left.
    staged: Option<ManuallyDrop<StagedArtifact>>,
}

impl Library {
    /// Maps a staged module, which runs its constructors on this thread.
    ///
    /// # Safety
    /// Its constructors do no harm: a probe saw them run. This thread ends before `close`.
    pub(crate) unsafe fn map(staged: StagedArtifact) -> Result<Self, String> {
        // SAFETY: the caller's duty.
        let handle = unsafe { Handle::open(Some(staged.path()), RTLD_NOW | RTLD_LOCAL) };
        let handle = ManuallyDrop::new(handle.map_err(|error| whole(&error))?);
        Ok(Self {
            name: staged.name().to_owned(),
            id: staged.id(),
            mapped_name: staged.mapped_name(),
            base: 0,
            held: Mutex::new(Held {
                handle: Some(handle),
                staged: Some(ManuallyDrop::new(staged)),
            }),
        })
    }

    /// Learns where it begins from an address inside it, and proves that this is the staged file:
    /// the dynamic linker may have given another one that it took for the same.
    pub(crate) fn locate(&mut self, inside: usize) -> Result<(), String> {
        let lies_in_it = self
            .mappings()?
            .iter()
            .any(|mapping| mapping.contains(inside));
        let base = address::base_of(inside).filter(|_| lies_in_it);
        self.base = base.ok_or_else(|| format!("its root lies outside {}", self.name))?;
        Ok(())
    }

    /// Whether these functions all lie in this library's executable memory.
    pub(crate) fn runs(&self, functions: &[usize]) -> Result<bool, String> {
        let mut mappings = self.mappings()?;
        mappings.retain(|mapping| mapping.executable);
        let inside = |function: &usize| mappings.iter().any(|mapping| mapping.contains(*function));
        Ok(functions.iter().all(inside))
    }

    fn mappings(&self) -> Result<Vec<maps::Mapping>, String> {
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

    /// The staged file's unique name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The staged file's id.
    pub(crate) fn id(&self) -> ArtifactId {
        self.id
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes and unmaps it, and proves that it is gone; says how many of its keys were reclaimed.
    /// Tried again after a failure, it goes on from where it was. `patience` is for threads of its
    /// own that are just ending.
    ///
    /// # Errors
    /// Why it is still mapped.
    ///
    /// # Safety
    /// Nothing outside holds a pointer into it, and every thread of the node that entered it was
    /// joined. This thread ends before the caller goes on.
    pub(crate) unsafe fn close(&self, patience: Patience) -> Result<usize, PinReason> {
        let mut held = self.held();
        let mut reclaimed = 0;
        if let Some(handle) = held.handle.take() {
            // SAFETY: the caller's duty.
            match unsafe { close(handle, self.base, patience) } {
                Ok(keys) => reclaimed = keys,
                Err((handle, reason)) => {
                    held.handle = Some(handle);
                    return Err(reason);
                }
            }
        }
        match self.mappings() {
            Ok(left) if left.is_empty() => {
                held.staged
                    .take()
                    .map(ManuallyDrop::into_inner)
                    .into_iter()
                    .for_each(drop);
                Ok(reclaimed)
            }
            Ok(left) => Err(PinReason::StillMapped {
                mappings: left.len(),
            }),
            Err(reason) => Err(PinReason::Unknown { reason }),
        }
    }
}

/// Closes a library that no thread of its own runs in.
///
/// # Safety
/// As [`Library::close`].
unsafe fn close(
    handle: ManuallyDrop<Handle>,
    base: usize,
    patience: Patience,
) -> Result<usize, (ManuallyDrop<Handle>, PinReason)> {
    let living = match patience {
        Patience::Grace => threads::living_after_grace(base),
        Patience::None => threads::living(base),
    };
    if !living.is_empty() {
        return Err((handle, PinReason::Threads(living)));
    }
    // SAFETY: no code of it runs: not on our threads (caller), not on its own (seen just now).
    let reclaimed = unsafe { keys::reclaim(base) };
    let raw = ManuallyDrop::into_inner(handle).into_raw();
    // SAFETY: the handle that `dlopen` gave, which is used no more after success.
    if unsafe { libc::dlclose(raw) } == 0 {
        return Ok(reclaimed);
    }
    // SAFETY: the handle is still open, and is `dlopen`'s.
    let handle = ManuallyDrop::new(unsafe { Handle::from_raw(raw) });
    Err((
        handle,
        PinReason::Unknown {
            reason: "dlclose refused".to_owned(),
        },
    ))
}
