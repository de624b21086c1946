//! Phases and classes as the admin interface has them: the one crate that knows both is this one.

use refit_admin::api;
use refit_upgrade::{Class, Phase, Plan, PlannedRelease};

/// A phase as reports have it.
pub(super) fn phase(phase: Phase) -> api::Phase {
    match phase {
        Phase::Staged => api::Phase::Staged,
        Phase::Probed => api::Phase::Probed,
        Phase::Rehearsed => api::Phase::Rehearsed,
        Phase::Armed => api::Phase::Armed,
        Phase::Quiesced => api::Phase::Quiesced,
        Phase::Transitioned => api::Phase::Transitioned,
        Phase::Committed => api::Phase::Committed,
        Phase::Resumed => api::Phase::Resumed,
        Phase::Retired => api::Phase::Retired,
    }
}

/// A class as reports have it.
pub(super) fn class(class: Class) -> api::Class {
    match class {
        Class::Carry => api::Class::Carry,
        Class::New => api::Class::New,
        Class::Adopt => api::Class::Adopt,
        Class::Migrate => api::Class::Migrate,
        Class::MigrateByHand => api::Class::MigrateByHand,
        Class::Translate => api::Class::Translate,
        Class::MigrateBack => api::Class::MigrateBack,
        Class::Snapshot => api::Class::Snapshot,
        Class::Restart => api::Class::RestartEngine,
    }
}

/// A release as reports have it.
pub(super) fn release(planned: &PlannedRelease) -> api::ReleaseName {
    api::ReleaseName {
        id: planned.id.clone(),
        name: planned.name.clone(),
        epoch: planned.epoch,
        sequence: planned.sequence,
    }
}

/// Whose word a plan goes by: it is not taken on before that was checked.
pub(super) fn authorised(plan: &Plan) -> api::Authorised {
    match &plan.release {
        None => api::Authorised::Command,
        Some(release) => api::Authorised::Keyset {
            version: release.epoch,
        },
    }
}
