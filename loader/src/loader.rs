//! [`Loader`]: takes files through all states, counts what is mapped, and tries again what is pinned.

use crate::artifact::{ArtifactId, Candidate, ReadError};
use crate::hold::Hold;
use crate::inspect::{InspectError, InspectedArtifact};
use crate::library::{Gone, Library, Patience};
use crate::load::{LoadError, LoadedModule, enter, on_own_thread};
use crate::probe::{ProbeCommand, ProbeError, ProbedArtifact, Verdict};
use crate::retire::{PINNED_MAX, PinReason, Pinned, Retired, VIEWED_BYTES_MAX};
use crate::stage::{StageError, StagedArtifact};
use crate::sys::interposers::{self, NotInForce};
use crate::sys::keys::{self, KEYS_MAX};
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Modules that may be mapped at once, retired ones that are pinned included.
pub const MAPPED_MAX: usize = 1024;

/// Thread-local keys that stay free for the node and the C library when modules are loaded.
pub const KEYS_RESERVED: usize = 64;

/// Verdicts that are remembered, so that the same bytes are not probed again.
pub const VERDICTS_MAX: usize = 256;

/// Takes modules from files to code that runs, and back to nothing. Clones share one loader.
#[derive(Clone, Debug)]
pub struct Loader {
    shared: Arc<Shared>,
}

/// The part that clones share. Locks are taken in the order of the fields.
#[derive(Debug)]
pub(crate) struct Shared {
    probe: ProbeCommand,
    copies: PathBuf,
    /// StillMapped while something is mapped or unmapped, so that a sweep sees a settled state.
    mapping: Mutex<()>,
    /// Retired libraries that are still mapped.
    held: Mutex<Vec<StillMapped>>,
    /// Verdicts of earlier probes, oldest first.
    verdicts: Mutex<VecDeque<Verdict>>,
    mapped: AtomicUsize,
    /// Bytes of files of libraries that are gone, which something has mapped to read.
    viewed: AtomicUsize,
    /// Holds that were not released: while there is one, nothing is unmapped.
    holds: AtomicUsize,
}

/// A retired library that is still mapped. It stays in the list while it is tried again.
#[derive(Debug)]
struct StillMapped {
    pinned: Pinned,
    /// `None` while it is tried.
    library: Option<Arc<Library>>,
}

/// A lock that a panic elsewhere does not close: what it guards is valid between any two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Loader {
    /// A loader that probes with this command.
    ///
    /// # Errors
    /// [`NotInForce`] if this program does not export the interposers.
    pub fn new(probe: ProbeCommand) -> Result<Self, NotInForce> {
        Self::with_copies_in(probe, std::env::temp_dir())
    }

    /// As [`Loader::new`]; where the system refuses executable files in memory, private copies go
    /// into folders under `copies`.
    ///
    /// # Errors
    /// As [`Loader::new`].
    pub fn with_copies_in(probe: ProbeCommand, copies: PathBuf) -> Result<Self, NotInForce> {
        interposers::in_force()?;
        let shared = Shared {
            probe,
            copies,
            mapping: Mutex::new(()),
            held: Mutex::new(Vec::new()),
            verdicts: Mutex::new(VecDeque::new()),
            mapped: AtomicUsize::new(0),
            viewed: AtomicUsize::new(0),
            holds: AtomicUsize::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Takes a file through all states.
    ///
    /// # Errors
    /// [`OpenError`]: the first state it could not reach.
    pub fn load_file(&self, path: &Path) -> Result<LoadedModule, OpenError> {
        Ok(self.load(self.probe_file(path)?)?)
    }

    /// Whether children can be started: those of a confined process are its helper's, which may have ended.
    pub fn starts_children(&self) -> bool {
        let helper = self.shared.probe.helper.as_ref();
        helper.is_none_or(|helper| helper.is_there())
    }

    /// Takes a file up to the probe: nothing of it runs in this process.
    ///
    /// # Errors
    /// [`OpenError`]: the first state it could not reach.
    pub fn probe_file(&self, path: &Path) -> Result<ProbedArtifact, OpenError> {
        let staged = self.stage(Candidate::read(path)?.inspect()?)?;
        Ok(self.probe(staged)?)
    }

    /// Stages an inspected module.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn stage(&self, artifact: InspectedArtifact) -> Result<StagedArtifact, StageError> {
        StagedArtifact::stage(artifact, &self.shared.copies)
    }

    /// Probes a staged module, unless these bytes were found fit by this loader before.
    ///
    /// # Errors
    /// [`ProbeError`].
    pub fn probe(&self, staged: StagedArtifact) -> Result<ProbedArtifact, ProbeError> {
        // By the hash of the sealed bytes: the same code under another path need not be tried again.
        if let Some(verdict) = self.shared.verdict(staged.id()) {
            return Ok(ProbedArtifact::recalled(staged, verdict));
        }
        let probed = ProbedArtifact::probe(staged, &self.shared.probe)?;
        self.shared.remember(probed.verdict().clone());
        Ok(probed)
    }

    /// Maps a probed module and proves that its code is what runs.
    ///
    /// # Errors
    /// [`LoadError`]; what was mapped is retired again.
    pub fn load(&self, probed: ProbedArtifact) -> Result<LoadedModule, LoadError> {
        self.shared.load(probed)
    }

    /// Tries again to unmap what is pinned; says how many libraries went.
    pub fn sweep(&self) -> usize {
        let _settled = lock(&self.shared.mapping);
        self.shared.sweep()
    }

    /// From now on nothing is unmapped, until this hold is released: threads end that may have entered any of it.
    pub fn hold(&self) -> Hold {
        let _settled = lock(&self.shared.mapping);
        self.shared.holds.fetch_add(1, Ordering::AcqRel);
        Hold::of(Arc::clone(&self.shared))
    }

    /// Nothing is mapped or unmapped while this is held: the process may be copied.
    #[must_use = "it is held as long as this is"]
    pub fn settled(&self) -> impl Sized + '_ {
        lock(&self.shared.mapping)
    }

    /// Has a copy of this process go before it when the machine is short of memory, where the copy cannot say so itself:
    /// in a confined process, it reaches nothing that the system says of it.
    pub fn goes_first(&self, copy: u32) {
        if let Some(helper) = &self.shared.probe.helper {
            // Without the helper the system chooses by itself.
            let _ = helper.goes_first(copy);
        }
    }

    /// The number of holds that were not released yet.
    pub fn holds(&self) -> usize {
        self.shared.holds.load(Ordering::Acquire)
    }

    /// The number of libraries of this loader that are mapped, pinned ones included.
    pub fn mapped(&self) -> usize {
        self.shared.mapped.load(Ordering::Acquire)
    }

    /// The retired libraries that are still mapped, and why: those that are being tried again, too.
    pub fn pinned(&self) -> Vec<Pinned> {
        let held = lock(&self.shared.held);
        held.iter().map(|held| held.pinned.clone()).collect()
    }

    /// The part of the files of modules that are gone that is still mapped, in bytes: a backtrace maps the file of
    /// each module that it names, and keeps it.
    pub fn viewed_bytes(&self) -> usize {
        self.shared.viewed.load(Ordering::Acquire)
    }
}

impl Shared {
    /// A verdict that holds for these bytes.
    fn verdict(&self, artifact: ArtifactId) -> Option<Verdict> {
        lock(&self.verdicts)
            .iter()
            .find(|verdict| verdict.holds_for(artifact))
            .cloned()
    }

    fn remember(&self, verdict: Verdict) {
        let mut verdicts = lock(&self.verdicts);
        // The oldest goes: its code would only be probed once more.
        if verdicts.len() == VERDICTS_MAX {
            verdicts.pop_front();
        }
        verdicts.push_back(verdict);
    }

    fn load(self: &Arc<Self>, probed: ProbedArtifact) -> Result<LoadedModule, LoadError> {
        // Held until it is mapped or not: a fork in between would copy a dynamic linker with its lock taken.
        let settled = lock(&self.mapping);
        self.has_room()?;
        let entered = on_own_thread(move || enter(probed))
            .map_err(|source| LoadError::NoThread { source })??;
        // Also if its code is then refused: it is mapped until `let_go` is done with it.
        self.mapped.fetch_add(1, Ordering::AcqRel);
        // `let_go` takes this lock too.
        drop(settled);
        match entered.module {
            Ok(module) => Ok(LoadedModule::new(
                module,
                entered.verdict,
                entered.library,
                Arc::clone(self),
            )),
            Err(error) => {
                // If it stays pinned, it is in the list.
                let _ = self.let_go(entered.library);
                Err(error)
            }
        }
    }

    fn has_room(&self) -> Result<(), LoadError> {
        let pinned = lock(&self.held).len();
        if pinned >= PINNED_MAX {
            return Err(LoadError::TooManyPinned { pinned });
        }
        let mapped = self.mapped.load(Ordering::Acquire);
        if mapped >= MAPPED_MAX {
            return Err(LoadError::TooManyMapped { mapped });
        }
        let bytes = self.viewed.load(Ordering::Acquire);
        if bytes > VIEWED_BYTES_MAX {
            return Err(LoadError::TooMuchViewed { bytes });
        }
        // A module takes a key when it first runs: those that have not done so yet, will.
        let keys = keys::in_use(interposers::program());
        let used = keys.own + keys.of_libraries.max(mapped);
        if used + KEYS_RESERVED >= KEYS_MAX {
            return Err(LoadError::TooFewKeys { used });
        }
        Ok(())
    }

    /// Retires a library, then tries those again that were pinned before: a close lets others go.
    pub(crate) fn let_go(&self, library: Arc<Library>) -> Retired {
        let _settled = lock(&self.mapping);
        // Counted before, so that this library is not tried twice if it stays.
        let earlier = lock(&self.held).len();
        let retired = match self.unmap(&library, Patience::Grace) {
            Ok(gone) => self.went(gone),
            Err(reason) => self.keep(library, reason),
        };
        self.try_again(earlier);
        retired
    }

    /// Tries all that are pinned once more, without waiting. `mapping` is held.
    fn sweep(&self) -> usize {
        let pinned = lock(&self.held).len();
        self.try_again(pinned)
    }

    /// Tries the first `count` of those that are pinned; says how many went. `mapping` is held, so that
    /// nobody else changes the list.
    fn try_again(&self, count: usize) -> usize {
        // From the last to the first: what goes leaves the places before it as they are.
        (0..count).rev().filter(|place| self.retry(*place)).count()
    }

    fn retry(&self, place: usize) -> bool {
        // Taken out of the list while it is tried, without the lock: its destructors run, and status requests read
        // the list.
        let taken = lock(&self.held)
            .get_mut(place)
            .and_then(|held| held.library.take());
        let Some(library) = taken else {
            return false;
        };
        let tried = self.unmap(&library, Patience::None);
        let mut held = lock(&self.held);
        match tried {
            Ok(gone) => {
                held.remove(place);
                drop(held);
                self.went(gone).is_unmapped()
            }
            Err(reason) => {
                if let Some(held) = held.get_mut(place) {
                    held.pinned.reason = reason;
                    held.library = Some(library);
                }
                false
            }
        }
    }

    /// One hold is over; tries what it kept mapped.
    pub(crate) fn release(&self) {
        let _settled = lock(&self.mapping);
        // Only after the last hold may anything be unmapped.
        if self.holds.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.sweep();
        }
    }

    /// Unmaps a library that nobody uses. `mapping` is held, so that nobody takes a hold meanwhile.
    fn unmap(&self, library: &Arc<Library>, patience: Patience) -> Result<Gone, PinReason> {
        match self.holds.load(Ordering::Acquire) {
            0 => unmap(library, patience),
            _ => Err(PinReason::Lingering),
        }
    }

    fn went(&self, gone: Gone) -> Retired {
        self.mapped.fetch_sub(1, Ordering::AcqRel);
        self.viewed.fetch_add(gone.viewed_bytes, Ordering::AcqRel);
        Retired::Unmapped { keys: gone.keys }
    }

    /// Puts a library that stays into the list.
    fn keep(&self, library: Arc<Library>, reason: PinReason) -> Retired {
        let pinned = Pinned {
            name: library.name().to_owned(),
            artifact: library.id(),
            reason: reason.clone(),
        };
        lock(&self.held).push(StillMapped {
            pinned,
            library: Some(library),
        });
        Retired::Pinned { reason }
    }
}

/// Unmaps a library that nobody uses, on a thread of its own.
fn unmap(library: &Arc<Library>, patience: Patience) -> Result<Gone, PinReason> {
    // Nobody can make another handle meanwhile: whoever could would hold one.
    if Arc::strong_count(library) > 1 {
        return Err(PinReason::InUse);
    }
    // The owner of the last other handle dropped it after all that it did with the library; the count
    // alone does not say so on every machine.
    fence(Ordering::Acquire);
    // A second handle for the thread: if that panics, the library is still here, to be listed as pinned.
    let theirs = Arc::clone(library);
    // SAFETY: ours was the only handle, so none can come to be, and a call into the library borrows one: no
    // thread of the node is inside. `on_own_thread` joins the thread that closes it.
    let closed = on_own_thread(move || unsafe { theirs.close(patience) });
    closed.unwrap_or_else(|error| {
        Err(PinReason::Unknown {
            reason: error.to_string(),
        })
    })
}

/// The state that a file could not reach, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It was not read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It breaks an ELF rule.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It was not staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The probe refused it.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// It was not loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Explain for OpenError {
    fn code(&self) -> &str {
        match self {
            Self::Read(error) => error.code(),
            Self::Inspect(error) => error.code(),
            Self::Stage(error) => error.code(),
            Self::Probe(error) => error.code(),
            Self::Load(error) => error.code(),
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::Read(error) => error.next(),
            Self::Inspect(error) => error.next(),
            Self::Stage(error) => error.next(),
            Self::Probe(error) => error.next(),
            Self::Load(error) => error.next(),
        }
    }
}
