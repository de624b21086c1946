//! [`ProbedArtifact`] → [`LoadedModule`]: mapping a module and proving that its code is what runs.
//!
//! Everything that runs the module's code here runs on a thread of its own that is joined before the
//! caller goes on: a thread that lived on could hold thread-local values whose destructors lie in
//! the module, and would then pin it or crash when it ends.

use crate::artifact::ArtifactId;
use crate::header::{header, text};
use crate::library::Library;
use crate::loader::Shared;
use crate::probe::{ProbedArtifact, Verdict};
use crate::retire::Retired;
use refit_abi::codes;
use refit_abi::export::EngineModuleRef;
use refit_abi::host::Explain;
use refit_abi::host::Module;
use refit_abi::raw::KindVtable;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A module whose code is mapped and was asked who it is.
///
/// Dropping it retires it too; [`LoadedModule::retire`] says how that ended. Both wait for threads:
/// not for a thread that serves others.
#[derive(Debug)]
pub struct LoadedModule {
    // Fields drop in order: the handle first, then the lease, which unmaps.
    module: Module,
    verdict: Verdict,
    lease: Lease,
}

impl LoadedModule {
    pub(crate) fn new(
        module: Module,
        verdict: Verdict,
        library: Arc<Library>,
        shared: Arc<Shared>,
    ) -> Self {
        let name = library.name().to_owned();
        Self {
            module,
            verdict,
            lease: Lease {
                name,
                library: Some(library),
                shared,
            },
        }
    }

    /// The module's handle. Clones keep it from being unmapped.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The id of its bytes.
    pub fn artifact(&self) -> ArtifactId {
        self.verdict.artifact()
    }

    /// Its name, unique in the life of this process, as it is in `/proc/self/maps`.
    pub fn name(&self) -> &str {
        &self.lease.name
    }

    /// The path under which a child of this process reads its bytes, while this value lives.
    pub fn path_for_child(&self) -> Option<PathBuf> {
        self.lease.library.as_ref()?.path_for_child()
    }

    /// The verdict of the probe.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Gives the module up: closes it, takes its thread-local keys back, and proves that nothing of
    /// it is mapped any more.
    ///
    /// Anything that would still run its code pins it instead, so that this is safe whatever the caller does:
    ///
    /// * a call into it borrows a handle ([`Module`], or a kind of it), and a handle that is held pins it;
    /// * its own threads are in the table of [`crate::sys::threads`] until the system has none of them;
    /// * a thread-local value of a living thread, with a destructor in it, keeps glibc from unmapping it;
    /// * thread-local keys lose their destructors before it is closed ([`crate::sys::keys`]);
    /// * signal handlers that it left pin it ([`crate::sys::signals`]), and what it gave to `atexit` runs as
    ///   it is closed.
    ///
    /// Threads that called into it should have been joined before, else their thread-local values pin it.
    pub fn retire(self) -> Retired {
        let Self {
            module, mut lease, ..
        } = self;
        drop(module);
        lease.end().unwrap_or(Retired::Unmapped { keys: 0 })
    }
}

/// The right to a mapped library; its end, however it comes, retires the library.
struct Lease {
    name: String,
    library: Option<Arc<Library>>,
    shared: Arc<Shared>,
}

impl Lease {
    fn end(&mut self) -> Option<Retired> {
        self.library
            .take()
            .map(|library| self.shared.let_go(library))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A library that stays pinned is in the loader's list.
        let _ = self.end();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.name).finish()
    }
}

/// Runs `work` on a thread of its own and joins it.
pub(crate) fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let thread = std::thread::Builder::new()
        .name("refit-loader".to_owned())
        .spawn(work)?;
    thread
        .join()
        .map_err(|_| io::Error::other("the loader's thread panicked"))
}

/// A mapping that came to be, and what entering it gave.
pub(crate) struct Entered {
    pub(crate) library: Arc<Library>,
    pub(crate) module: Result<Module, LoadError>,
    /// Of its probe.
    pub(crate) verdict: Verdict,
}

/// Maps a probed module and enters it. To be called on a thread that is then joined.
pub(crate) fn enter(probed: ProbedArtifact) -> Result<Entered, LoadError> {
    let ProbedArtifact { staged, verdict } = probed;
    // SAFETY: a probe ran the constructors of these sealed bytes to the end; `Shared::load` joins
    // this thread before it goes on.
    let library =
        unsafe { Library::map(staged) }.map_err(|reason| LoadError::NotMapped { reason })?;
    let root = root(&library);
    let library = Arc::new(library);
    let module = root.and_then(|root| describe(root, &library, &verdict));
    if let Ok(module) = &module {
        library.is_called(module.code_label());
        // Here, where nobody waits: a page that is first touched in a pause would be read from the file then.
        library.is_at_hand();
    }
    Ok(Entered {
        library,
        module,
        verdict,
    })
}

/// The root of a library that is proven to be the staged file.
fn root(library: &Library) -> Result<EngineModuleRef, LoadError> {
    let refused = |reason| LoadError::NoRoot { reason };
    // SAFETY: the probe found these bytes to be an engine module; it stays mapped, because a
    // `Library` is closed only when no other handle to it is left.
    let header = library.with_handle(|handle| unsafe { header(handle) });
    let header = header
        .unwrap_or_else(|| Err("it is closed".to_owned()))
        .map_err(refused)?;
    let inside = std::ptr::from_ref(header) as usize;
    library
        .locate(inside)
        .map_err(|reason| LoadError::Elsewhere { reason })?;
    // SAFETY: the probe compared the layouts of these sealed bytes with this program's interface:
    // `ProbedArtifact` exists only with a verdict on both.
    unsafe { header.init_root_module_with_unchecked_layout::<EngineModuleRef>() }
        .map_err(|error| refused(text(&error)))
}

/// The module behind a root, if it says now what it said in the probe, from its own memory.
fn describe(
    root: EngineModuleRef,
    library: &Arc<Library>,
    verdict: &Verdict,
) -> Result<Module, LoadError> {
    let elsewhere = |reason| LoadError::Elsewhere { reason };
    let (describe, attach) = (root.describe() as *const (), root.attach() as *const ());
    let mut functions = vec![describe as usize, attach as usize];
    for kind in root.kinds() {
        let table: KindVtable = kind.get().map_err(|error| LoadError::NoRoot {
            reason: error.to_string(),
        })?;
        // One function of each table: a table that is made by hand could point anywhere.
        functions.push(table.handle as *const () as usize);
    }
    functions.extend(root.snapshot().map(|entry| entry as *const () as usize));
    if !library.runs(&functions).map_err(elsewhere)? {
        return Err(elsewhere(
            "one of its functions lies outside its memory".to_owned(),
        ));
    }
    // SAFETY: the root is of the library that the `Arc` keeps mapped, probed as said above.
    let module =
        unsafe { Module::from_root(root, Box::new(Arc::clone(library))) }.map_err(|error| {
            LoadError::NoRoot {
                reason: error.to_string(),
            }
        })?;
    // Code can say something else each time it is asked: what was planned with is what it said in the probe.
    if module.descriptor() != verdict.descriptor() {
        return Err(LoadError::OtherCode {
            expected: verdict.descriptor().build_id.clone(),
            found: module.build_id().to_owned(),
        });
    }
    Ok(module)
}

/// Why a probed module was not loaded. If its library was mapped, that was retired again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Too many retired libraries are still mapped.
    #[error(
        "{pinned} retired modules are still mapped, at most {} may be",
        crate::retire::PINNED_MAX
    )]
    TooManyPinned {
        /// The number of libraries that are pinned.
        pinned: usize,
    },
    /// Too many modules are loaded.
    #[error(
        "{mapped} modules are mapped, at most {} may be",
        crate::loader::MAPPED_MAX
    )]
    TooManyMapped {
        /// The number of libraries that are mapped.
        mapped: usize,
    },
    /// Too much of retired modules' files is mapped by what read them.
    #[error(
        "{bytes} bytes of retired modules' files are still mapped by backtraces, at most {} may be",
        crate::retire::VIEWED_BYTES_MAX
    )]
    TooMuchViewed {
        /// The size of the files that are still mapped, in bytes.
        bytes: usize,
    },
    /// Too few thread-local keys are left: an engine that finds none aborts the process.
    #[error(
        "{used} of {} thread-local keys are in use or spoken for by modules; {} stay free",
        crate::sys::keys::KEYS_MAX,
        crate::loader::KEYS_RESERVED
    )]
    TooFewKeys {
        /// Keys in use, with one for each module that has not taken one yet.
        used: usize,
    },
    /// No thread to load it on.
    #[error("cannot run the module on a thread of its own: {source}")]
    NoThread {
        /// The system's error.
        source: io::Error,
    },
    /// The dynamic linker refused it.
    #[error("the module cannot be mapped: {reason}")]
    NotMapped {
        /// The dynamic linker's message.
        reason: String,
    },
    /// It gave no root, or could not describe itself.
    #[error("the module's root is not usable: {reason}")]
    NoRoot {
        /// The reason, in a sentence.
        reason: String,
    },
    /// The dynamic linker gave another library than the staged file.
    #[error("another library was mapped in the module's place: {reason}")]
    Elsewhere {
        /// The names of the expected and the found library, in words.
        reason: String,
    },
    /// The code that runs says something else of itself than the code that was probed.
    #[error("the code that was mapped has build id {found}, the probed one has {expected}")]
    OtherCode {
        /// The build id that the probe was given.
        expected: String,
        /// The build id that the mapped code gives.
        found: String,
    },
}

impl Explain for LoadError {
    fn code(&self) -> &str {
        match self {
            Self::TooManyPinned { .. } => codes::TOO_MANY_PINNED,
            Self::TooManyMapped { .. } => codes::TOO_MANY_MAPPED,
            Self::TooMuchViewed { .. } => codes::TOO_MUCH_VIEWED,
            Self::TooFewKeys { .. } => codes::TOO_FEW_KEYS,
            Self::NoThread { .. } => codes::LOAD_NO_THREAD,
            Self::NotMapped { .. } => codes::LOAD_NOT_MAPPED,
            Self::NoRoot { .. } => codes::LOAD_NO_ROOT,
            Self::Elsewhere { .. } => codes::LOAD_ELSEWHERE,
            Self::OtherCode { .. } => codes::LOAD_OTHER_CODE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::TooManyPinned { .. } => {
                "restart the node at a convenient time, and see `refit status` for what pins them"
            }
            Self::TooManyMapped { .. } => "retire generations that are no longer needed",
            Self::TooMuchViewed { .. } => {
                "make no backtraces in engines, and restart the node at a convenient time"
            }
            Self::TooFewKeys { .. } => {
                "restart the node at a convenient time; an engine makes thread-local keys and does not delete them"
            }
            Self::NoThread { .. } => "raise the node's limit of threads or memory",
            Self::NotMapped { .. } => {
                "raise the node's limit of memory, or give it a temporary folder without noexec"
            }
            Self::NoRoot { .. } | Self::Elsewhere { .. } | Self::OtherCode { .. } => {
                "build the module again from a clean folder with `refit engine build`"
            }
        })
    }
}
