//! [`ChildLoader`]: for a throw-away child of a node, which maps modules and never unmaps them.
//!
//! A node may not compare a module's types in its own process, because the comparison leaves pointers into
//! the module behind: it asks a probe. A child that ends anyhow, and unmaps nothing, compares them itself.
//! So it needs no facts about the modules, and believes none that it gets.

use crate::artifact::Candidate;
use crate::header::{header, text};
use crate::library::Library;
use crate::load::{LoadError, on_own_thread};
use crate::loader::OpenError;
use crate::probe::{self, ProbeError};
use crate::stage::StagedArtifact;
use crate::sys::fence;
use crate::sys::interposers::{self, NotInForce};
use crate::sys::threads;
use refit_abi::export::EngineModuleRef;
use refit_abi::host::{Module, ModuleError};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Loads modules in a child of a node. They stay mapped until the process ends.
#[derive(Debug)]
pub struct ChildLoader(());

/// A module of a [`ChildLoader`].
#[derive(Debug)]
pub struct ChildModule {
    module: Module,
    /// Dropping it leaves it mapped.
    library: Arc<Library>,
}

impl ChildLoader {
    /// A loader for this process.
    ///
    /// # Errors
    /// [`NotInForce`] if this program does not export the interposers.
    pub fn new() -> Result<Self, NotInForce> {
        interposers::in_force().map(|()| Self(()))
    }

    /// Maps a module, and compares its types with this program's.
    ///
    /// # Errors
    /// [`OpenError`], as a loader and its probe say it.
    pub fn load_file(&self, path: &Path) -> Result<ChildModule, OpenError> {
        let inspected = Candidate::read(path)?.inspect()?;
        let staged = StagedArtifact::stage(inspected, &std::env::temp_dir())?;
        on_own_thread(move || enter(staged))
            .map_err(|source| OpenError::Load(LoadError::NoThread { source }))?
    }
}

/// Maps a staged module and enters it.
fn enter(staged: StagedArtifact) -> Result<ChildModule, OpenError> {
    // SAFETY: its constructors run in a process that ends soon; it is never closed.
    let library =
        unsafe { Library::map(staged) }.map_err(|reason| ProbeError::NotMappable { reason })?;
    let refused = |reason| OpenError::Probe(ProbeError::LayoutRefused { reason });
    // SAFETY: inspection found the root symbol in these bytes; nothing here closes the library.
    let header = library.with_handle(|handle| unsafe { header(handle) });
    let header = header
        .unwrap_or_else(|| Err("it is closed".to_owned()))
        .map_err(refused)?;
    library
        .locate(std::ptr::from_ref(header) as usize)
        .map_err(|reason| LoadError::Elsewhere { reason })?;
    let root = header
        .init_root_module::<EngineModuleRef>()
        .map_err(|error| refused(text(&error)))?;
    let library = Arc::new(library);
    // SAFETY: its types were compared with this program's just now, and its code is never unmapped:
    // nobody closes a `Library` of this loader, and dropping one leaves it mapped.
    let module =
        unsafe { Module::from_root(root, Box::new(Arc::clone(&library))) }.map_err(described)?;
    probe::fits(module.descriptor())?;
    library.is_called(module.code_label());
    Ok(ChildModule { module, library })
}

fn described(error: ModuleError) -> OpenError {
    OpenError::Probe(match error {
        ModuleError::Epoch { found } => ProbeError::WrongEpoch { found },
        other => ProbeError::Undescribed {
            reason: other.to_string(),
        },
    })
}

impl ChildModule {
    /// The module's handle.
    pub fn module(&self) -> &Module {
        &self.module
    }
}

/// Modules whose code and data cannot be reached while this lives: as if they were unmapped.
///
/// A thread that touches them is stopped by the system, which ends the process after a line on standard error
/// that begins with [`fence::TOUCHED`] and names the engine whose state was at hand. So it is found what
/// would crash a node, or read what is not there, after it retired them.
#[derive(Debug)]
pub struct Fence {
    _closed: fence::Closed,
}

impl Fence {
    /// Closes the memory of these modules, those of them apart that have threads of their own. Nobody may
    /// be in the midst of a call into them.
    ///
    /// # Errors
    /// The system's error.
    pub fn around<'a>(modules: impl Iterator<Item = &'a ChildModule>) -> io::Result<Self> {
        let mut mappings = Vec::new();
        for child in modules {
            let rests = |base| threads::living_after_grace(base).is_empty();
            if child.library.base().is_some_and(rests) {
                mappings.push(child.library.mappings().map_err(io::Error::other)?);
            }
        }
        Ok(Self {
            _closed: fence::Closed::close(mappings)?,
        })
    }
}
