//! Landlock: no file can be read, run or written but those of the order, and nothing outside can be signalled.
//!
//! The rules name the same files whether the room has a root of its own or not. Without one they are all that stands between the
//! command and the user's files.

use super::{Unable, at};
use crate::error::Step;
use crate::inner::root::{DEVICES, PROC, SEED};
use crate::level::{Level, Rights};
use crate::wire::Told;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// The newest rights that this program knows.
const NEWEST: ABI = ABI::V6;

/// Since when a file that may not be written cannot be cut short either.
const FILES: ABI = ABI::V3;

/// Restricts this process and all that it starts. Says which rights the kernel took away.
pub(crate) fn restrict(told: &Told) -> Result<Rights, Unable> {
    let (rights, ruleset) = match ruleset(FILES) {
        Ok(ruleset) => (Rights::Files, ruleset),
        Err(_) => {
            let some = ruleset(ABI::V1);
            let some = some.map_err(|_| at(Step::Landlock)(Errno::NOSYS))?;
            (Rights::Some, some)
        }
    };
    let ruleset = rules(told)
        .into_iter()
        .try_fold(ruleset, allow)
        .map_err(at(Step::Landlock))?;
    let status = ruleset
        .restrict_self()
        .map_err(|_| at(Step::Landlock)(Errno::NOSYS))?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Rights::Full,
        _ => rights,
    })
}

/// Rules that forbid all, at least what the kernel's interface `least` can forbid.
fn ruleset(least: ABI) -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(least))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

/// What is allowed on a file, and on all below it if it is a folder.
struct Rule {
    path: PathBuf,
    access: BitFlags<AccessFs>,
}

fn rules(told: &Told) -> Vec<Rule> {
    let (level, order) = (level(told), &told.order);
    let read = AccessFs::from_read(NEWEST);
    let rule = |path: &Path, access| Rule {
        path: path.to_owned(),
        access,
    };
    let mut rules: Vec<_> = order
        .views
        .iter()
        .map(|view| rule(view.seen(level), read))
        .collect();
    rules.push(rule(order.target.seen(level), AccessFs::from_all(NEWEST)));
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    rules.extend(DEVICES.map(|path| rule(Path::new(path), device)));
    if level == Level::L3 {
        // It shows the room's own processes.
        let look = AccessFs::ReadFile | AccessFs::ReadDir;
        rules.push(rule(Path::new(PROC), look));
    }
    if let Some(seed) = &order.seed {
        let seed = match level {
            Level::L3 => Path::new(SEED),
            _ => seed,
        };
        rules.push(rule(seed, read));
    }
    rules
}

/// Whether paths are those of a root of its own.
fn level(told: &Told) -> Level {
    match told.parts.namespaces {
        true => Level::L3,
        false => Level::L2,
    }
}

fn allow(ruleset: RulesetCreated, rule: Rule) -> Result<RulesetCreated, Errno> {
    let opened = PathFd::new(&rule.path).map_err(|_| Errno::ACCESS)?;
    let access = match rule.path.is_dir() {
        true => rule.access,
        false => rule.access & AccessFs::from_file(NEWEST),
    };
    let added = ruleset.add_rule(PathBeneath::new(opened, access));
    added.map_err(|_| Errno::INVAL)
}
