//! What a plan does to one engine kind: the class in which its states cross, and what they lose.

use super::Ways;
use crate::class::{Class, is_older};
use crate::plan::{Live, OfferedModule, PlannedKind};
use crate::plan_error::PlanError;
use refit_abi::descriptor::KindDescriptor;
use refit_abi::schema::{Type, differences};

/// What is dropped when an engine starts afresh.
const WHOLE_STATE: &str = "(the whole state)";

/// Plans one kind of a candidate.
pub(super) fn plan(
    live: &Live,
    candidate: &OfferedModule,
    new: &KindDescriptor,
    ways: &Ways<'_>,
) -> Result<PlannedKind, PlanError> {
    let mut kinds = live.kinds.iter();
    let Some(old) = kinds.find(|kind| kind.descriptor.kind == new.kind) else {
        return Ok(PlannedKind {
            kind: new.kind.clone(),
            class: Class::New,
            copied: false,
            from_version: None,
            to_version: new.version,
            difference: Vec::new(),
            dropped: Vec::new(),
        });
    };
    // An upgrade to the same file would pause the node and change nothing: mostly a forgotten build.
    if old.artifact == candidate.artifact {
        let (kind, path) = (new.kind.clone(), candidate.path.clone());
        return Err(PlanError::Identical { kind, path });
    }
    let old = &old.descriptor;
    let class = if ways.directives.restart.contains(&new.kind) {
        Class::Restart
    } else if ways.is_whole {
        Class::Snapshot
    } else {
        Class::of(old, new).ok_or_else(|| no_way(old, new))?
    };
    Ok(PlannedKind {
        kind: new.kind.clone(),
        class,
        copied: false,
        from_version: Some(old.version),
        to_version: new.version,
        difference: differences("state", &old.state, &new.state),
        dropped: dropped(class, old, new),
    })
}

/// The fields whose data goes.
fn dropped(class: Class, old: &KindDescriptor, new: &KindDescriptor) -> Vec<String> {
    match class {
        Class::Restart => vec![WHOLE_STATE.to_owned()],
        // What its function makes of them nobody knows beforehand.
        Class::Snapshot => Vec::new(),
        // Nobody wrote down what the older version has no place for: it is what it has no field for.
        Class::MigrateBack => without_place(&old.state, &new.state),
        _ => {
            let mut steps = new.migrations.iter();
            let step = steps.find(|step| step.from_schema == old.schema);
            step.map(|step| step.dropped.clone()).unwrap_or_default()
        }
    }
}

/// The fields of `live` that `older` does not have.
fn without_place(live: &Type, older: &Type) -> Vec<String> {
    let (Type::Struct { fields: live, .. }, Type::Struct { fields: older, .. }) = (live, older)
    else {
        return Vec::new();
    };
    let has = |name: &str| older.iter().any(|field| field.name == name);
    let without = live.iter().filter(|field| !has(&field.name));
    without.map(|field| field.name.clone()).collect()
}

/// No step leads there, forward or back.
fn no_way(old: &KindDescriptor, new: &KindDescriptor) -> PlanError {
    let kind = new.kind.clone();
    let difference = differences("state", &old.state, &new.state);
    match is_older(new, old) {
        true => PlanError::NoWayBack {
            kind,
            from_version: old.version,
            to_version: new.version,
            difference,
        },
        false => PlanError::NoMigration {
            kind,
            from: old.schema,
            to: new.schema,
            difference,
        },
    }
}
