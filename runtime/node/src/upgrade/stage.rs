//! Staged: the plan's files are read, inspected, and copied to where nobody changes them.

use super::refused::{UpgradeRefused, refused, refused_by};
use super::steps::Steps;
use crate::limits::STAGED_BYTES_MAX;
use refit_abi::codes;
use refit_admin::api;
use refit_loader::{Candidate, Loader, StagedArtifact};
use refit_upgrade::{Phase, Plan, PlanError, PlannedModule};
use std::path::Path;

/// Stages the modules of a plan, in its order.
pub(super) fn stage_all(
    loader: &Loader,
    plan: &Plan,
    steps: &Steps,
) -> Result<Vec<StagedArtifact>, UpgradeRefused> {
    let mut bytes = 0;
    let modules = plan.modules.iter();
    let staged = modules.map(|planned| {
        steps.goes_on(Phase::Staged)?;
        stage(loader, planned, &mut bytes)
    });
    staged.collect()
}

/// Stages one; `bytes` is what all of the plan have so far.
fn stage(
    loader: &Loader,
    planned: &PlannedModule,
    bytes: &mut usize,
) -> Result<StagedArtifact, UpgradeRefused> {
    let phase = api::Phase::Staged;
    let candidate =
        Candidate::read(Path::new(&planned.path)).map_err(|error| refused_by(phase, &error))?;
    // A copy of each stays in memory until the upgrade has ended.
    *bytes += candidate.bytes().len();
    if *bytes > STAGED_BYTES_MAX {
        let detail = format!("the plan's files have more than {STAGED_BYTES_MAX} bytes in all");
        let next = "upgrade in two steps";
        return Err(refused(phase, codes::PLAN_TOO_MANY_MODULES, &detail, next));
    }
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
