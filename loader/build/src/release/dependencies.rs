//! [`Dependencies`]: compiled dependencies, once for all releases that have the same ones.
//!
//! The key is what they follow from: lock, manifests, vendored files, contract, compiler and flags, but not which versions the
//! release's own packages have. They are built from a tree
//! whose own code is empty; what was compiled of that is not kept, so a release's own code is always compiled. A build gets a
//! copy: nothing that it does reaches the cache.

use crate::error::{BuildError, io};
use crate::place;
use crate::progress::Stage;
use crate::publish::touch;
use crate::release::emptied::Kept;
use crate::release::key;
use crate::release::run::Run;
use crate::release::tree::SourceTree;
use crate::release::work::{ALONE, Work};
use crate::store::USED;
use crate::units::{self, Units};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most sets of dependencies that are kept; the one that was not used for longest goes first.
const SETS_MAX: usize = 8;

/// The folder of all sets, in the root.
pub(crate) const DEPENDENCIES: &str = "dependencies";

/// What a target folder has of compiled units.
const OUTPUTS: [&str; 3] = ["release/.fingerprint", "release/build", "release/deps"];

/// The folder of a target for the profile that releases have.
const PROFILE: &str = "release";

/// Looks for the dependencies of one release.
#[derive(Debug)]
pub(crate) struct Dependencies<'a> {
    pub(crate) run: &'a Run<'a>,
    pub(crate) tree: &'a SourceTree,
    pub(crate) root: &'a Path,
}

/// Compiled dependencies.
#[derive(Debug)]
pub(crate) struct Seed {
    /// A target folder with nothing else in it.
    pub(crate) target: PathBuf,
    /// Whether they were compiled now.
    pub(crate) filled: bool,
    /// While it is held, nobody removes them.
    _held: place::Lock,
}

impl Dependencies<'_> {
    /// Those of the tree, compiled now if they are not there.
    pub(crate) fn get(&self) -> Result<Seed, BuildError> {
        let engine = self.run.room.engine;
        let kept = Kept::of(self.tree, engine);
        let key = key::dependencies(self.run.room, &kept, self.tree.folder());
        let held = place::lock(self.root, &lock_name(&key), self.run.wanted)?;
        let all = place::folder(self.root.join(DEPENDENCIES))?;
        let folder = all.join(&key);
        let filled = !folder.is_dir();
        if filled {
            self.fill(&kept, &folder)?;
        }
        touch(&folder.join(USED));
        if filled {
            self.forget(&all)?;
        }
        Ok(Seed {
            target: folder.join("target"),
            filled,
            _held: held,
        })
    }

    /// Compiles them, and puts them in their place in one step.
    fn fill(&self, kept: &Kept<'_>, folder: &Path) -> Result<(), BuildError> {
        let engine = self.run.room.engine;
        let work = Work::new(self.run.root)?;
        let emptied = place::folder(work.path().join(ALONE))?;
        kept.lay(self.tree, engine, &emptied)?;
        let built = self
            .run
            .cargo(&emptied, None, &OUTPUTS, Stage::Dependencies)?;
        let given = built.folder.path();
        let seen = self.run.room.target(&built.target);
        let mut units = units::of(&built.heard.parts, seen);
        let own = engine
            .packages
            .iter()
            .filter(|package| !package.is_contract);
        for package in own {
            leave_out(&mut units, given, &package.name)?;
        }
        let whole = place::folder(work.path().join("whole/target"))?;
        units::copy(&units, given, &whole)?;
        let whole = work.path().join("whole");
        fs::rename(&whole, folder).map_err(io("rename to", folder))
    }

    /// Removes sets that were not used for longest, but for those that a build uses.
    fn forget(&self, all: &Path) -> Result<(), BuildError> {
        let entries = fs::read_dir(all).map_err(io("list", all))?.flatten();
        let mut sets: Vec<_> = entries
            .map(|entry| (used(&entry.path()), entry.path()))
            .collect();
        sets.sort();
        let too_many = sets.len().saturating_sub(SETS_MAX);
        for (_, set) in sets.into_iter().take(too_many) {
            let name = set
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if let Some(_held) = place::try_lock(self.root, &lock_name(&name))? {
                fs::remove_dir_all(&set).map_err(io("remove", &set))?;
            }
        }
        Ok(())
    }
}

/// The name of the lock of a set.
pub(crate) fn lock_name(key: &str) -> String {
    format!("dependencies-{key}")
}

/// When a set was used last.
fn used(set: &Path) -> SystemTime {
    let used = fs::metadata(set.join(USED)).and_then(|about| about.modified());
    used.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Takes a package's units out: cargo marks each of them `<package>-<hash>`.
fn leave_out(units: &mut Units, target: &Path, package: &str) -> Result<(), BuildError> {
    let marks = target.join(PROFILE).join(".fingerprint");
    for entry in fs::read_dir(&marks).map_err(io("list", &marks))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let hash = name
            .strip_prefix(package)
            .and_then(|rest| rest.strip_prefix('-'));
        if let (Some(hash), Some(known)) = (hash, units.get_mut(Path::new(PROFILE))) {
            known.remove(hash);
        }
    }
    Ok(())
}
