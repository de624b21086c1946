//! [`Kept`]: the newest state that the data folder has, with the code that it is of, loaded.

use super::RecoveryError;
use super::about::About;
use super::image_file::from_beginning;
use super::state::{named, passed_by, whole};
use crate::blocks::states::States;
use crate::code::libraries::Libraries;
use crossbeam_channel::{Receiver, bounded};
use refit_abi::Height;
use refit_abi::host::Kind;
use refit_kernel::{Executor, GenerationTable, ImageReader, Parameters, StreamError};
use refit_loader::{LoadedModule, Loader};
use refit_ordering::StateOf;
use refit_store::{Archive, Checkpoint, Store, is_no_file, open_file};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// A state to go on from.
pub(crate) struct Kept {
    pub(crate) about: About,
    pub(crate) parameters: Parameters,
    pub(crate) modules: Vec<LoadedModule>,
    pub(crate) table: Arc<GenerationTable>,
    pub(crate) executor: Executor,
    pub(crate) states: States,
}

impl Kept {
    /// Reads the newest checkpoint that can be read; one that cannot is told, and the one before is taken. `None` if
    /// there is none at all, and no block up to `last`: the chain has not begun.
    pub(crate) fn newest(
        store: &dyn Store,
        archive: &dyn Archive,
        loader: &Loader,
    ) -> Result<Option<Self>, RecoveryError> {
        let last = store.last();
        let mut checkpoints = archive.checkpoints()?;
        let mut passed = Vec::new();
        let mut why = (checkpoints.is_empty() && last > Height(0))
            .then(|| format!("there are blocks up to {last}, and no checkpoint"));
        while let Some(checkpoint) = checkpoints.pop() {
            let named = named(&checkpoint, store);
            match Self::read(&checkpoint, named.as_ref(), archive, loader)? {
                Ok(mut kept) => {
                    kept.states.passed = passed;
                    return Ok(Some(kept));
                }
                Err(reason) => {
                    let (height, path) = (checkpoint.height, checkpoint.path.display());
                    tracing::error!(%height, %path, "a checkpoint cannot be read: {reason}");
                    why.get_or_insert(reason);
                    passed.extend(passed_by(&checkpoint, named.as_ref()));
                    // It must not be counted when the blocks are removed that no checkpoint needs.
                    if !checkpoints.is_empty() {
                        archive.drop_checkpoint(checkpoint.number)?;
                    }
                }
            }
        }
        why.map_or(Ok(None), |why| Err(RecoveryError::NoCheckpoint { why }))
    }

    /// Reads one; why not, if it is damaged.
    fn read(
        checkpoint: &Checkpoint,
        named: Option<&StateOf>,
        archive: &dyn Archive,
        loader: &Loader,
    ) -> Result<Result<Self, String>, RecoveryError> {
        // Only damage lets the one before be taken: what another program wrote, or what this one cannot take, is sound.
        let about = About::from_bytes(&checkpoint.about);
        let about = about.map_err(|why| RecoveryError::NoCheckpoint { why })?;
        let file = match open_file(&checkpoint.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound || is_no_file(&error) => {
                return Ok(Err(error.to_string()));
            }
            // The file may be sound: nothing is decided about it.
            Err(source) => return Err(unread(checkpoint, source)),
        };
        // Whole before any code of an engine sees a byte of it. Meanwhile that code is loaded, which waits for its probe, and the
        // first states are read.
        let look = || whole(&file, about.state.as_ref(), named);
        let (found, read) = beside(look, |looked| {
            let Code { modules, kinds } = load(&about, archive, loader)?;
            Ok::<_, RecoveryError>((modules, executor(&about, kinds, &file, looked)))
        });
        match found {
            Ok(None) => {}
            Ok(Some(why)) => return Ok(Err(why)),
            Err(StreamError::Read { source }) => return Err(unread(checkpoint, source)),
            Err(error @ StreamError::Format { .. }) => return Err(not_taken(&error)),
            Err(error) => return Ok(Err(RecoveryError::unreadable(&error))),
        }
        let (modules, read) = read?;
        let (executor, table) = read.map_err(|error| not_taken(&error))?;
        let due = about.state.as_ref().filter(|_| named.is_none());
        let due = due.map(|state| state.at(checkpoint.height));
        Ok(Ok(Self {
            states: States {
                due,
                passed: Vec::new(),
            },
            parameters: (**executor.parameters()).clone(),
            about,
            modules,
            table,
            executor,
        }))
    }

    /// The libraries that are mapped now, under the names that they had.
    pub(crate) fn libraries(about: &About, modules: Vec<LoadedModule>) -> Libraries {
        let mut libraries = Libraries::default();
        for kind in &about.kinds {
            libraries.came_from(kind.artifact.clone(), kind.file.clone());
        }
        libraries.add(modules);
        libraries
    }
}

/// What a look at a file has found: what is wrong with its state, if it can be read.
type Found = Result<Option<String>, StreamError>;

/// Looks at a file on a thread of its own while something else is done, which hears whether all is well.
fn beside<T>(
    look: impl FnOnce() -> Found + Send,
    meanwhile: impl FnOnce(Receiver<bool>) -> T,
) -> (Found, T) {
    let unread = |source| StreamError::Read { source };
    let (tell, looked) = bounded(1);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("refit-look".to_owned());
        let looking = thread.spawn_scoped(scope, move || {
            let found = look();
            // Nobody waits where the code could not be loaded.
            let _ = tell.send(matches!(found, Ok(None)));
            found
        });
        let done = meanwhile(looked);
        let found = looking.map_err(unread).and_then(|looking| {
            let panicked = |_| unread(io::Error::other("the look at it panicked"));
            looking.join().map_err(panicked)?
        });
        (found, done)
    })
}

fn unread(checkpoint: &Checkpoint, source: io::Error) -> RecoveryError {
    let path = checkpoint.path.clone();
    RecoveryError::File { path, source }
}

fn not_taken(error: &StreamError) -> RecoveryError {
    let why = RecoveryError::unreadable(error);
    RecoveryError::NoCheckpoint { why }
}

/// The code of a checkpoint.
pub(crate) struct Code {
    pub(crate) modules: Vec<LoadedModule>,
    /// In the order of the generation's table.
    pub(crate) kinds: Vec<Kind>,
}

/// Loads the libraries of a checkpoint, each once, in the order of its kinds.
pub(crate) fn load(
    about: &About,
    archive: &dyn Archive,
    loader: &Loader,
) -> Result<Code, RecoveryError> {
    let mut modules: Vec<LoadedModule> = Vec::new();
    for kind in &about.kinds {
        let mut loaded = modules.iter();
        if loaded.any(|module| module.artifact().to_string() == kind.artifact) {
            continue;
        }
        let path = archive.code(&kind.artifact);
        let path = path.ok_or_else(|| RecoveryError::CodeMissing {
            height: about.ground().tip.height,
            kind: kind.kind.clone(),
            artifact: kind.artifact.clone(),
        })?;
        let fail = |source| RecoveryError::Code {
            path: path.clone(),
            source,
        };
        let probed = loader.probe_file(&path).map_err(fail)?;
        let found = probed.staged().id().to_string();
        if found != kind.artifact {
            return Err(RecoveryError::CodeChanged { path, found });
        }
        let module = loader.load(probed).map_err(|error| fail(error.into()))?;
        modules.push(module);
    }
    let kinds = kinds(about, &modules).map_err(|kind| RecoveryError::CodeMissing {
        height: about.ground().tip.height,
        artifact: String::new(),
        kind,
    })?;
    Ok(Code { modules, kinds })
}

/// The code of each kind, in the order of the generation's table; the name of one that no library has.
fn kinds(about: &About, modules: &[LoadedModule]) -> Result<Vec<Kind>, String> {
    let kind = |kept: &super::about::KeptKind| {
        let mut all = modules.iter().flat_map(|module| module.module().kinds());
        let found = all.find(|kind| kind.descriptor().kind == kept.kind);
        found.ok_or_else(|| kept.kind.clone())
    };
    about.kinds.iter().map(kind).collect()
}

/// Reads the states, on a thread of its own: it calls into the modules, and every thread that does must end before they
/// can be unmapped. It calls none before the look at the file has found all to be well.
fn executor(
    about: &About,
    kinds: Vec<Kind>,
    file: &File,
    looked: Receiver<bool>,
) -> Result<(Executor, Arc<GenerationTable>), StreamError> {
    let unread = |source| StreamError::Read { source };
    let number = about.generation;
    let file = file.try_clone().map_err(unread)?;
    let wait = move || match looked.recv() {
        Ok(true) => Ok(()),
        // What was found says more.
        Ok(false) | Err(_) => Err(unread(io::Error::other("it is not as it was written"))),
    };
    let read = move || {
        let reader = ImageReader::begin(from_beginning(file))?;
        let grants = reader.parameters().grants.clone();
        let table = GenerationTable::at(number, kinds, grants);
        let copied = reader.executor_apart(table.clone(), wait)?;
        Ok((copied.executor, table))
    };
    let thread = std::thread::Builder::new()
        .name("refit-restore".to_owned())
        .stack_size(refit_kernel::limits::ENGINE_STACK_BYTES);
    let thread = thread.spawn(read).map_err(unread)?;
    thread.join().unwrap_or_else(|_| {
        let why = "the code of an engine panicked as it read its state";
        Err(unread(io::Error::other(why)))
    })
}
