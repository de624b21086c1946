//! The restart of a node whose pause does not end: this very program again, in the same process, with the
//! same arguments and the very code that it was started with.
//!
//! The libraries go along as open files: the bytes that were loaded, not what was built from a folder or lies
//! at a path by now, which may be the code that has to go. All else goes along in a file in memory. Nothing is written
//! to a disk for it, so a full one is not in the way. What is handed over is compared with its hash on both sides; where it differs, the node ends
//! with that sentence.
//!
//! The working folder is put back before: an engine may have changed it, and paths in the arguments and in the
//! configuration count from where the node was started.

use super::announcing::Announcer;
use super::outside::Outside;
use super::run_error::RunError;
use crate::exit::Exit;
use crate::output;
use crate::show;
use refit_admin::api::QuarantineEntry;
use refit_loader::helper::{GoesAlong, Helper};
use refit_loader::sys::again::Again;
use refit_loader::sys::{inherited, memfd};
use refit_loader::{ARTIFACT_BYTES_MAX, ArtifactId};
use refit_node::{EngineCode, Quarantine, StuckPause};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::fchdir;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// How a restarted process learns where that lies which it goes on with: the number of the process, and that of the open
/// file. Set by the process before, not by people; a child inherits the variable, and is another process.
const HANDED: &str = "REFIT_RESTART";

/// Longest such file, in bytes: a configuration is at most 1 MiB, and so is a list of what is in quarantine.
const HANDED_BYTES_MAX: u64 = 16 << 20;

/// The name of the file, which has no other.
const HANDED_NAME: &str = "refit-restart";

/// The folder in which Linux shows a process its own open files.
const OPEN_FILES: &str = "/proc/self/fd";

/// Restarts the node, unless it was told to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Restart {
    code: Arc<OnceLock<Vec<EngineCode>>>,
    ending: Arc<AtomicBool>,
    rolls_back: Arc<Notify>,
    is_rolled_back: Arc<AtomicBool>,
    is_upgraded: Arc<AtomicBool>,
    /// The working folder in which the node was started; `None` if it could not be opened.
    folder: Option<Arc<File>>,
    /// What it was started with.
    outside: Arc<OnceLock<Outside>>,
    /// Says the steps of the node, if anything does.
    announcer: Option<Announcer>,
    /// Starts children for a confined node.
    helper: Arc<OnceLock<Arc<Helper>>>,
}

/// The files and lists that the process before this one handed over, if there was one.
#[derive(Debug, Default)]
pub(super) struct Before(Option<Handed>);

/// The data that one process hands to the next, which has the same id.
#[derive(Debug, Serialize, Deserialize)]
struct Handed {
    /// By the engines' names.
    libraries: BTreeMap<String, Library>,
    /// The entries that the quarantine list on the disk lacks.
    quarantine: Vec<QuarantineEntry>,
    /// What the start read outside of the data folder.
    outside: Outside,
    /// The helper, if the process is confined: then it stays so.
    helper: Option<GoesAlong>,
}

/// One library that is handed over.
#[derive(Debug, Serialize, Deserialize)]
struct Library {
    /// The open file, as a path.
    path: PathBuf,
    /// The hash of its bytes, in hexadecimal.
    artifact: String,
}

/// Why the code that a node was started with cannot be had any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// Its bytes are not there.
    #[error("the library of engine `{engine}` cannot be read back: {source}")]
    Unreadable { engine: String, source: io::Error },
    /// They are not those that were loaded.
    #[error(
        "the library of engine `{engine}` is not the one that was started: its hash is {found}, it was {expected}"
    )]
    Changed {
        engine: String,
        found: String,
        expected: String,
    },
    /// An engine has no library from before.
    #[error("no library of engine `{engine}` was handed over")]
    Missing { engine: String },
    /// The helper cannot go along.
    #[error("the process that starts children for the node cannot go along: {0}")]
    NoHelper(io::Error),
    /// What the process before handed over is not there any more.
    #[error("what the process before this one handed over cannot be read: {0}")]
    Lost(io::Error),
    /// Who would start what the next start needs has ended.
    #[error("the process that starts probes and trials for this confined node has ended")]
    HelperEnded,
    /// There is no list of them yet.
    #[error("the node's engines were not loaded yet")]
    Nothing,
}

impl Library {
    /// The number of the open file.
    fn number(&self) -> Option<i32> {
        let number = self.path.strip_prefix(OPEN_FILES).ok()?;
        number.to_str()?.parse().ok()
    }
}

impl Before {
    /// Takes the data handed to this process. The next one gets files of this one, not these.
    pub(super) fn handed() -> Result<Self, NotKept> {
        let said = std::env::var(HANDED).unwrap_or_default();
        let Some(number) = number_for(&said, std::process::id()) else {
            return Ok(Self(None));
        };
        let handed = Handed::take(number).map_err(NotKept::Lost)?;
        for number in handed.libraries.values().filter_map(Library::number) {
            inherited::ends_with_this_program(number);
        }
        Ok(Self(Some(handed)))
    }

    /// Whether this process goes on in the place of another.
    pub(super) fn is_restart(&self) -> bool {
        self.0.is_some()
    }

    /// What the process before was started with; `None` if this is no restart.
    pub(super) fn outside(&self) -> Option<&Outside> {
        self.0.as_ref().map(|handed| &handed.outside)
    }

    /// The helper, if the process was confined.
    pub(super) fn helper(&self) -> Option<GoesAlong> {
        self.0.as_ref()?.helper
    }

    /// The library to start an engine with; `None` if this is no restart.
    pub(super) fn library(&self, engine: &str) -> Option<Result<&Path, NotKept>> {
        let libraries = &self.0.as_ref()?.libraries;
        Some(match libraries.get(engine) {
            Some(library) => Ok(&library.path),
            None => Err(NotKept::Missing {
                engine: engine.to_owned(),
            }),
        })
    }

    /// Puts into the list what the disk did not take.
    pub(super) fn remember(&self, quarantine: &Quarantine) {
        for entry in self.0.iter().flat_map(|handed| &handed.quarantine) {
            if let Err(error) = quarantine.add(entry.clone()) {
                tracing::error!(%error, "cannot write the quarantine list: it is lost when this process ends");
            }
        }
    }

    /// Whether what was loaded is what was handed over.
    pub(super) fn check(&self, code: &[EngineCode]) -> Result<(), NotKept> {
        let Some(handed) = &self.0 else {
            return Ok(());
        };
        for loaded in code {
            let engine = loaded.engine.clone();
            let found = loaded.artifact.to_string();
            match handed.libraries.get(&engine) {
                None => return Err(NotKept::Missing { engine }),
                Some(library) if library.artifact != found => {
                    return Err(NotKept::Changed {
                        engine,
                        found,
                        expected: library.artifact.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

impl Restart {
    /// A restart in the folder in which the process is now.
    pub(super) fn here(announcer: Option<Announcer>) -> Self {
        // Not to be read, only to come back to: no rule about files is in the way of that.
        let in_place = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self {
            folder: openat(CWD, ".", in_place, Mode::empty())
                .ok()
                .map(|folder| Arc::new(File::from(folder))),
            announcer,
            ..Self::default()
        }
    }

    /// Keeps what the node is started with.
    pub(super) fn goes_on_with(&self, outside: Outside) {
        // Set once, at the start: a later call changes nothing.
        let _ = self.outside.set(outside);
    }

    /// Keeps the helper of a confined node for the next process.
    pub(super) fn is_helped(&self, helper: Arc<Helper>) {
        // Set once, at the start: a later call changes nothing.
        let _ = self.helper.set(helper);
    }

    /// Keeps the code that the engines are started with.
    pub(super) fn keep(&self, code: Vec<EngineCode>) {
        for kept in &code {
            if let Err(error) = &kept.bytes {
                let engine = &kept.engine;
                tracing::warn!(%engine, %error, "its library cannot be kept: a pause that does not end will end the node");
            }
        }
        // Set once, at the start: a later call changes nothing.
        let _ = self.code.set(code);
    }

    /// From now on the process ends instead.
    pub(super) fn end_instead(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Has the node end, to be started again: what it does then is written down.
    pub(super) fn roll_back(&self) {
        self.is_rolled_back.store(true, Ordering::Release);
        self.rolls_back.notify_one();
    }

    /// Has the node end, to be started again: it has stopped for an upgrade.
    pub(super) fn for_upgrade(&self) {
        self.is_upgraded.store(true, Ordering::Release);
        self.roll_back();
    }

    /// Why it is started again.
    pub(super) fn words(&self) -> &'static str {
        match self.is_upgraded.load(Ordering::Acquire) {
            true => "the node stops for an upgrade, and restarts to carry it out",
            false => "the generation is taken back: the node restarts with the code of before",
        }
    }

    /// Whether that is why it ends.
    pub(super) fn rolls_back(&self) -> bool {
        self.is_rolled_back.load(Ordering::Acquire)
    }

    /// Until that is wanted.
    pub(super) async fn wanted(&self) {
        self.rolls_back.notified().await;
    }

    /// Starts this very program again in the place of this process, whose node has ended. Gives why not.
    pub(super) fn again(&self) -> RunError {
        let why = match self.handed(None) {
            Ok(handed) => {
                self.announces(match self.is_upgraded.load(Ordering::Acquire) {
                    true => "restart-upgrade",
                    false => "restart-rollback",
                });
                next(self.folder.as_deref(), &handed).to_string()
            }
            Err(not_kept) => not_kept.to_string(),
        };
        RunError::NotAgain { why }
    }

    /// Starts this very program again in this process's place: no thread of the pause is left then. Does
    /// not return.
    pub(super) fn go(&self, stuck: &StuckPause) {
        let height = stuck.height;
        if self.ending.load(Ordering::Acquire) {
            end(
                format_args!(
                    "the pause after block {height} does not end; the node ends, as it was told to"
                ),
                Exit::Done,
            )
        }
        let error = match self.handed(Some(stuck)) {
            Ok(handed) => {
                self.announces("restart-stuck");
                restarted(self.folder.as_deref(), stuck, &handed).to_string()
            }
            Err(not_kept) => not_kept.to_string(),
        };
        // The supervisor of the node starts it again.
        end(
            format_args!(
                "the pause after block {height} does not end, and the node cannot restart with the code it \
                 was started with: {error}; it ends"
            ),
            Exit::Cut,
        )
    }

    /// The next program begins: a step of its own.
    fn announces(&self, step: &str) {
        if let Some(announcer) = &self.announcer {
            announcer.goes_on(step);
        }
    }

    /// The data for the next process: proven to be the code that this one was started with, and kept open for it.
    fn handed(&self, stuck: Option<&StuckPause>) -> Result<Handed, NotKept> {
        let code = self.code.get().ok_or(NotKept::Nothing)?;
        let (mut libraries, mut paths) = (BTreeMap::new(), BTreeMap::new());
        for kept in code {
            let file = proven(kept)?;
            let artifact = kept.artifact.to_string();
            // The next process tells libraries apart by their paths: one that several engines share goes along once.
            let path = match paths.get(&artifact) {
                Some(path) => PathBuf::clone(path),
                None => {
                    fcntl_setfd(file, FdFlags::empty()).map_err(|error| NotKept::Unreadable {
                        engine: kept.engine.clone(),
                        source: error.into(),
                    })?;
                    Path::new(OPEN_FILES).join(file.as_raw_fd().to_string())
                }
            };
            paths.insert(artifact.clone(), path.clone());
            libraries.insert(kept.engine.clone(), Library { path, artifact });
        }
        let unwritten = stuck.filter(|stuck| !stuck.is_recorded);
        let unwritten = unwritten.map(|stuck| stuck.entry.clone());
        let helper = self.helper.get();
        // A program that begins without one could not even look at its libraries.
        if helper.is_some_and(|helper| !helper.is_there()) {
            return Err(NotKept::HelperEnded);
        }
        let helper = helper.map(|helper| helper.goes_along());
        Ok(Handed {
            libraries,
            quarantine: unwritten.into_iter().collect(),
            outside: self.outside.get().cloned().unwrap_or_default(),
            helper: helper.transpose().map_err(NotKept::NoHelper)?,
        })
    }
}

impl Handed {
    /// Lays it into a file in memory, which goes along; gives what the variable says of it for the process `pid`.
    fn lay(&self, pid: u32) -> io::Result<(OwnedFd, String)> {
        let file = memfd::kept(HANDED_NAME, &serde_json::to_vec(self)?)?;
        fcntl_setfd(&file, FdFlags::empty())?;
        let said = format!("{pid} {}", file.as_raw_fd());
        Ok((file, said))
    }

    /// What lies in the open file of this number, which is closed.
    fn take(number: i32) -> io::Result<Self> {
        let (mut file, mut json) = (File::from(inherited::take(number)?), Vec::new());
        inherited::close(number);
        file.rewind()?;
        file.take(HANDED_BYTES_MAX).read_to_end(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

/// The number of the open file that the variable names, if it is said to the process `pid`.
fn number_for(said: &str, pid: u32) -> Option<i32> {
    let (to, number) = said.split_once(' ')?;
    number.parse().ok().filter(|_| to == pid.to_string())
}

/// The open file of an engine's code, if it holds what was loaded.
fn proven(kept: &EngineCode) -> Result<&File, NotKept> {
    let engine = || kept.engine.clone();
    let file = kept.bytes.as_ref().map_err(|error| NotKept::Unreadable {
        engine: engine(),
        source: io::Error::new(error.kind(), error.to_string()),
    })?;
    let found = hash(file).map_err(|source| NotKept::Unreadable {
        engine: engine(),
        source,
    })?;
    match found == kept.artifact {
        true => Ok(file),
        false => Err(NotKept::Changed {
            engine: engine(),
            found: found.to_string(),
            expected: kept.artifact.to_string(),
        }),
    }
}

fn hash(mut file: &File) -> io::Result<ArtifactId> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(ARTIFACT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(ArtifactId::of(&bytes))
}

/// Puts the next process in this one's place; gives why that failed.
fn restarted(folder: Option<&File>, stuck: &StuckPause, handed: &Handed) -> io::Error {
    show::talk(format_args!(
        "the pause after block {} does not end: the node restarts with the code that was live, and the upgrade has not \
         happened (with --store memory: with the code it was started with, and no state)",
        stuck.height
    ));
    if !stuck.is_recorded {
        show::talk(
            "the quarantine list could not be written: the node keeps in memory what did not return, \
             and forgets it when it ends",
        );
    }
    next(folder, handed)
}

/// Puts this very program in this one's place, with what it is handed; gives why that failed.
fn next(folder: Option<&File>, handed: &Handed) -> io::Error {
    // Open until the next program begins, which takes it.
    let (_file, handed) = match handed.lay(std::process::id()) {
        Ok(laid) => laid,
        Err(error) => return error,
    };
    if let Some(folder) = folder
        && let Err(error) = fchdir(folder)
    {
        return error.into();
    }
    // The next program's outputs are this one's as they were.
    output::finish();
    let others = std::env::vars_os().filter(|(name, _)| name != HANDED);
    let own = (OsString::from(HANDED), OsString::from(handed));
    let variables = others.chain([own]).map(|(mut variable, value)| {
        variable.push("=");
        variable.push(value);
        variable
    });
    let again = Again {
        words: std::env::args_os().collect(),
        variables: variables.collect(),
    };
    again.begin()
}

/// Ends the process with a sentence.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of this process does not return: nothing can be put away"
)]
pub(super) fn end(sentence: impl std::fmt::Display, exit: Exit) -> ! {
    show::talk(sentence);
    output::finish();
    std::process::exit(exit as i32)
}

#[cfg(test)]
mod tests;
