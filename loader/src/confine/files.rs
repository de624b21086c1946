//! The rules about files, ports and signals, which Landlock keeps for this process and all that it starts.

use super::room::{Room, SYSTEM_READS, SYSTEM_WRITES};
use crate::sys::maps;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    Scope,
};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::fs;
use std::path::{Path, PathBuf};

/// The rules that are asked for: those of Linux 6.12. An older system keeps those of them that it knows.
const ASKED: ABI = ABI::V6;

/// Files in memory have no place that a rule could be about, and are in no rule's way.
const IN_MEMORY: &str = "/memfd:";

/// How a folder is opened in which files may be written: not where a link in its place leads to, which engines may have put
/// there.
const IN_PLACE: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The beginning of the dynamic linker's name.
const LINKER: &str = "ld-";

/// Puts this thread under the rules; gives which of Landlock's versions keeps them, if one does.
pub(super) fn enter(room: &Room) -> Result<Option<ABI>, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::Signal)?;
    if !room.reaches_nameless_sockets {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket)?;
    }
    let rules = with_files(ruleset.create()?, room)?;
    let rules = room.ports.iter().try_fold(rules, |rules, port| {
        rules.add_rule(NetPort::new(*port, AccessNet::BindTcp))
    })?;
    Ok(version(&rules.restrict_self()?))
}

fn version(status: &RestrictionStatus) -> Option<ABI> {
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Some(effective_abi),
        _ => None,
    }
}

/// The rules about files and folders. What is not there is left out.
fn with_files(rules: RulesetCreated, room: &Room) -> Result<RulesetCreated, RulesetError> {
    let reads = AccessFs::ReadFile | AccessFs::ReadDir;
    let writes = AccessFs::from_all(ASKED)
        & !(AccessFs::Execute | AccessFs::MakeBlock | AccessFs::MakeChar | AccessFs::IoctlDev);
    let sockets =
        AccessFs::MakeSock | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::WriteFile;
    let system = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let groups: [(Vec<PathBuf>, BitFlags<AccessFs>); 5] = [
        (system(SYSTEM_READS), reads),
        (system(SYSTEM_WRITES), AccessFs::WriteFile.into()),
        (own_program(room), AccessFs::Execute | AccessFs::ReadFile),
        (room.reads.clone(), reads),
        (room.sockets.clone(), sockets),
    ];
    let rules = groups
        .into_iter()
        .try_fold(rules, |rules, (paths, access)| {
            paths
                .iter()
                .try_fold(rules, |rules, path| with_path(rules, path, access))
        })?;
    room.writes.iter().try_fold(rules, |rules, folder| {
        match openat(CWD, folder, IN_PLACE, Mode::empty()) {
            Ok(folder) => rules.add_rule(PathBeneath::new(folder, writes)),
            Err(_) => Ok(rules),
        }
    })
}

fn with_path(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    if fs::read_link(path).is_ok_and(|real| real.to_string_lossy().starts_with(IN_MEMORY)) {
        return Ok(rules);
    }
    let Ok(place) = PathFd::new(path) else {
        return Ok(rules);
    };
    // What is said of a folder's entries cannot be said of a file.
    let access = match path.is_dir() {
        true => access,
        false => access & AccessFs::from_file(ASKED),
    };
    rules.add_rule(PathBeneath::new(place, access))
}

/// This program and the linker that starts it: the one may only be executed with the other.
fn own_program(room: &Room) -> Vec<PathBuf> {
    if !room.starts_again {
        return Vec::new();
    }
    let mapped = maps::read().unwrap_or_default();
    let is_linker = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with(LINKER))
    };
    let mapped = mapped
        .into_iter()
        .map(|mapping| PathBuf::from(mapping.path));
    let linker = mapped.filter(is_linker).take(1);
    linker.chain([PathBuf::from("/proc/self/exe")]).collect()
}
