//! A look at a data folder: from outside, and into its store if no node has it.

use super::chain::{self, How};
use super::configured::{self, Wanted};
use super::facts::{
    Facts, FileFacts, LockFacts, QuarantineFacts, RightsFacts, SpaceFacts, StoreFacts,
};
use crate::code::quarantine::Quarantine;
use crate::start::folder::{self, Looked};
use crate::trust;
use refit_abi::host::Explained;
use refit_admin::api::QuarantineState;
use refit_loader::ProbeCommand;
use refit_store::{ArchiveView, DISK_RESERVE_BYTES, StoreReader};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The name of the quarantine list.
pub(super) const QUARANTINE: &str = "quarantine.json";

/// Most files that are named as needless.
const STRAY_MAX: usize = 100;

/// What is looked at, and how.
#[derive(Debug)]
pub struct Look<'a> {
    /// The data folder.
    pub folder: &'a Path,
    /// The configuration that a start would have, if there is one.
    pub wanted: Option<&'a Wanted>,
    /// The bytes of the keyset that it names, if it names one.
    pub keyset: Option<&'a [u8]>,
    /// All blocks of the log, however many.
    pub all: bool,
    /// How libraries are loaded in a process of their own, to see what they are called.
    pub probe: &'a ProbeCommand,
}

/// Looks at a data folder. Nothing in it changes; no node starts on it meanwhile.
pub fn look(look: &Look<'_>) -> Facts {
    let folder = look.folder;
    let lock = folder::look(folder);
    let mut facts = Facts {
        folder: folder.to_owned(),
        is_data_folder: is_data_folder(folder),
        names_engines: look.wanted.is_some(),
        rights: rights(folder),
        lock: lock_facts(&lock),
        node: None,
        space: space(folder),
        quarantine: quarantine(folder),
        stray: stray_beside(folder),
        store: StoreFacts::None,
        configured: None,
        refused: Vec::new(),
        distrusted: None,
    };
    let place = folder.join("store");
    if matches!(lock, Looked::Held(_)) {
        facts.store = StoreFacts::InUse;
    } else if place.join("blocks.redb").exists() {
        look_into(&place, look, &mut facts);
    } else {
        facts.distrusted = distrusted(None, look);
    }
    facts
}

/// Looks into the store at `place`.
fn look_into(place: &Path, look: &Look<'_>, facts: &mut Facts) {
    let store = match StoreReader::open(place) {
        Ok(store) => store,
        Err(error) => return facts.store = StoreFacts::Unreadable(Explained::of(&error)),
    };
    let how = How {
        all: look.all,
        probe: look.probe,
    };
    match chain::look(&store, &how) {
        Ok(chain) => {
            let known = chain.identity.as_ref().zip(look.wanted);
            facts.configured = known.map(|(known, wanted)| configured::look(wanted, known));
            facts.stray.extend(stray_inside(&store, &chain.facts.code));
            facts.store = StoreFacts::Read(Box::new(chain.facts));
            facts.distrusted = distrusted(Some(&store), look);
        }
        Err(fault) => facts.store = StoreFacts::Unreadable(Explained::of(&fault)),
    }
}

/// Why a start would not take whom the node trusts.
fn distrusted(store: Option<&dyn ArchiveView>, look: &Look<'_>) -> Option<Explained> {
    let checked = trust::check(store, look.keyset);
    checked.err().map(|why| Explained::of(&why))
}

/// Whether something is there that only a node makes.
fn is_data_folder(folder: &Path) -> bool {
    let made = ["node.lock", "store", QUARANTINE, "build"];
    made.iter().any(|name| folder.join(name).exists())
}

fn rights(folder: &Path) -> Option<RightsFacts> {
    use rustix::fs::{Access, access};
    let about = fs::metadata(folder).ok()?;
    let wanted = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    Some(RightsFacts {
        is_folder: about.is_dir(),
        mode: about.permissions().mode() & 0o7777,
        is_usable: access(folder, wanted).is_ok(),
    })
}

fn space(folder: &Path) -> Option<SpaceFacts> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(SpaceFacts {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        reserve: DISK_RESERVE_BYTES,
    })
}

fn lock_facts(looked: &Looked) -> LockFacts {
    match looked {
        Looked::Free { .. } => LockFacts::Free,
        Looked::Held(holder) => LockFacts::Held {
            pid: holder.as_ref().map(|it| it.pid),
            socket: holder.as_ref().map(|it| it.socket.clone()),
            is_alive: holder.as_ref().is_some_and(|it| folder::is_alive(it.pid)),
        },
        Looked::Foreign(what) => LockFacts::Foreign { what },
        Looked::Unknown(error) => LockFacts::Unknown {
            why: error.to_string(),
        },
    }
}

fn quarantine(folder: &Path) -> QuarantineFacts {
    match Quarantine::open(folder.join(QUARANTINE)) {
        Ok(list) => {
            let entries = list.entries();
            let refuses = |state: QuarantineState| state == QuarantineState::Quarantined;
            let refusing = entries.iter().filter(|it| refuses(it.state)).count();
            let failed = entries.len() - refusing;
            QuarantineFacts::Read { refusing, failed }
        }
        Err(error) => QuarantineFacts::Unreadable(Explained::of(&error)),
    }
}

/// Files of an unfinished replacement, and what killed commands have left: the next one takes their place.
fn stray_beside(folder: &Path) -> Vec<FileFacts> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let unfinished = paths.filter(|path| has_ending(path, "new") || has_ending(path, "partial"));
    let mut stray: Vec<_> = unfinished.take(STRAY_MAX).map(file).collect();
    stray.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    stray
}

/// Files of the store that no checkpoint and no armed upgrade names.
fn stray_inside(store: &StoreReader, code: &[super::facts::CodeFacts]) -> Vec<FileFacts> {
    let checkpoints = store.checkpoints().unwrap_or_default();
    let mut needed: BTreeSet<PathBuf> = checkpoints.into_iter().map(|it| it.path).collect();
    needed.extend(code.iter().filter_map(|it| store.code(&it.artifact)));
    let files = store.files().unwrap_or_default();
    let stray = files
        .into_iter()
        .filter(|file| !needed.contains(&file.path));
    let fact = |file: refit_store::StoreFile| FileFacts {
        path: file.path,
        bytes: file.bytes,
    };
    stray.take(STRAY_MAX).map(fact).collect()
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|it| it == ending)
}

fn file(path: PathBuf) -> FileFacts {
    let bytes = fs::metadata(&path).map_or(0, |it| it.len());
    FileFacts { path, bytes }
}
