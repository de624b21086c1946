//! Staged: the plan's files are read, inspected, and copied to where nobody changes them.

use super::refused::{UpgradeRefused, refused_by};
use refit_admin::api;
use refit_loader::{Candidate, Loader, StagedArtifact};
use refit_upgrade::{Plan, PlanError, PlannedModule};
use std::path::Path;

/// Stages the modules of a plan, in its order.
pub(super) fn stage_all(
    loader: &Loader,
    plan: &Plan,
) -> Result<Vec<StagedArtifact>, UpgradeRefused> {
    let modules = plan.modules.iter();
    modules.map(|planned| stage(loader, planned)).collect()
}

fn stage(loader: &Loader, planned: &PlannedModule) -> Result<StagedArtifact, UpgradeRefused> {
    let phase = api::Phase::Staged;
    let candidate =
        Candidate::read(Path::new(&planned.path)).map_err(|error| refused_by(phase, &error))?;
    let found = candidate.id().to_string();
    // The file may have been replaced since: what was planned comes in, or nothing.
    if found != planned.artifact {
        let (path, planned) = (planned.path.clone(), planned.artifact.clone());
        return Err(refused_by(
            phase,
            &PlanError::Changed {
                path,
                found,
                planned,
            },
        ));
    }
    let inspected = candidate
        .inspect()
        .map_err(|error| refused_by(phase, &error))?;
    loader
        .stage(inspected)
        .map_err(|error| refused_by(phase, &error))
}
