//! [`Incoming`]: a kind that comes in, as the plan says and as the code at hand is: the plan's class is asserted against
//! the hashes here, once, before anything is executed.

use super::ArmError;
use crate::class::Class;
use crate::order::Crossing;
use crate::plan::{Plan, PlannedKind};
use refit_abi::host::{Kind, Module};
use refit_kernel::{GenerationTable, KindIndex, Pending};
use std::collections::BTreeSet;

/// A kind that comes in.
pub(super) struct Incoming {
    pub(super) new: Kind,
    /// As the plan has it.
    pub(super) class: Class,
    pub(super) old: Option<Old>,
}

/// The live kind that a new one replaces.
pub(super) struct Old {
    pub(super) index: KindIndex,
    pub(super) kind: Kind,
    /// The work left for each engine after the commit.
    pub(super) pending: Option<Pending>,
}

impl Incoming {
    /// A kind as the plan has it come in.
    ///
    /// # Errors
    /// [`ArmError`]: the code at hand does not do what was planned, or cannot be tried.
    pub(super) fn find(
        plan: &Plan,
        live: &GenerationTable,
        new: Kind,
        is_whole: bool,
    ) -> Result<Self, ArmError> {
        let name = &new.descriptor().kind;
        let class = plan.class_of(name);
        let Some((index, entry)) = live.find(name) else {
            as_planned(name, class, Class::New)?;
            return Ok(Self {
                new,
                class,
                old: None,
            });
        };
        let found = match (plan.directives.restart.contains(name), is_whole) {
            (true, _) => Class::Restart,
            (false, true) => Class::Snapshot,
            (false, false) => found(name, &entry.kind, &new)?,
        };
        as_planned(name, class, found)?;
        let old = Old {
            index,
            pending: pending(name, &entry.kind, &new, class)?,
            kind: entry.kind.clone(),
        };
        Ok(Self {
            old: Some(old),
            new,
            class,
        })
    }

    pub(super) fn crossing(&self) -> Crossing<'_> {
        Crossing {
            kind: self.new.descriptor(),
            class: self.class,
        }
    }
}

/// All that come in, in the order of the modules.
///
/// # Errors
/// As [`Incoming::find`]; and that a kind of the plan is in none of the modules.
pub(super) fn all(
    plan: &Plan,
    live: &GenerationTable,
    modules: &[Module],
) -> Result<Vec<Incoming>, ArmError> {
    let is_whole = whole(modules).is_some();
    let mut comes: Vec<Incoming> = Vec::new();
    for new in modules.iter().flat_map(Module::kinds) {
        comes.push(Incoming::find(plan, live, new, is_whole)?);
    }
    let has = |kind: &str| comes.iter().any(|new| new.new.descriptor().kind == kind);
    let mut kinds = plan.modules.iter().flat_map(|module| &module.kinds);
    match kinds.find(|planned| !has(&planned.kind)) {
        Some(missing) => Err(other_class(&missing.kind, missing.class, Class::Carry)),
        None => Ok(comes),
    }
}

/// The module whose function makes all states, if one has such a function.
pub(super) fn whole(modules: &[Module]) -> Option<&Module> {
    let mut modules = modules.iter();
    modules.find(|module| module.descriptor().transforms_snapshot)
}

/// The kinds whose whole states are copied, by the code at hand.
///
/// # Errors
/// [`ArmError::Copied`]: the plan's reader was told something else.
pub(super) fn copied(
    plan: &Plan,
    crossings: &[Crossing<'_>],
) -> Result<BTreeSet<String>, ArmError> {
    let copied = crate::order::copied(crossings);
    let mut kinds = plan.modules.iter().flat_map(|module| &module.kinds);
    match kinds.find(|planned| planned.copied != copied.contains(&planned.kind)) {
        Some(PlannedKind { kind, copied, .. }) => Err(ArmError::Copied {
            kind: kind.clone(),
            planned: *copied,
        }),
        None => Ok(copied),
    }
}

/// Checks that the plan's class of a kind is the one that the hashes give.
fn as_planned(kind: &str, planned: Class, found: Class) -> Result<(), ArmError> {
    match planned == found {
        true => Ok(()),
        false => Err(other_class(kind, planned, found)),
    }
}

fn other_class(kind: &str, planned: Class, found: Class) -> ArmError {
    ArmError::Class {
        kind: kind.to_owned(),
        planned,
        found,
    }
}

/// How the states of a kind cross, by the hashes.
fn found(name: &str, old: &Kind, new: &Kind) -> Result<Class, ArmError> {
    let class = Class::of(old.descriptor(), new.descriptor());
    class.ok_or_else(|| no_migration(name, old))
}

/// The work left for each engine of a kind after the commit.
fn pending(name: &str, old: &Kind, new: &Kind, class: Class) -> Result<Option<Pending>, ArmError> {
    Ok(match class {
        Class::Migrate | Class::MigrateByHand => {
            let step = new.migration_from(old.tag());
            let step = step.ok_or_else(|| no_migration(name, old))?;
            // Tried now: a default that panics would else do so in the pause, or at an engine's first touch after
            // it.
            step.trial().map_err(|error| ArmError::Trial {
                kind: name.to_owned(),
                error,
            })?;
            Some(Pending::settle(step))
        }
        Class::Translate | Class::MigrateBack | Class::Snapshot | Class::Restart => {
            Some(Pending::replace(old.clone()))
        }
        Class::Carry | Class::New | Class::Adopt => None,
    })
}

fn no_migration(name: &str, old: &Kind) -> ArmError {
    ArmError::NoMigration {
        kind: name.to_owned(),
        from: old.descriptor().schema,
    }
}

/// Whether the pause has to visit the engines of a kind.
pub(super) fn needs_work(class: Class, pending: Option<&Pending>, whole: bool) -> bool {
    match (class, pending) {
        (Class::Migrate, Some(Pending::Settle { step, .. })) => whole || !step.defaults_only(),
        (
            Class::MigrateByHand
            | Class::Translate
            | Class::MigrateBack
            | Class::Snapshot
            | Class::Restart,
            _,
        ) => true,
        _ => false,
    }
}
